"""The 2019 study's two comparisons, by its own protocol or an honest one."""
