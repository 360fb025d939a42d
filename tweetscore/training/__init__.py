"""From labelled texts to a bundle that scores; only here and in study is torch imported."""
