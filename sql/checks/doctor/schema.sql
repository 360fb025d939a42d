-- One row: one column of a table, one view or one macro, and its definition; compared with those of a
-- fresh database.
SELECT
    table_name || '.' || column_name AS name,
    data_type || if(is_nullable, '', ' NOT NULL') AS definition
FROM duckdb_columns() SEMI JOIN duckdb_tables() USING (database_name, schema_name, table_name)
WHERE database_name = current_database() AND schema_name = 'main'
UNION ALL
SELECT 'view ' || view_name, sql
FROM duckdb_views()
WHERE database_name = current_database() AND schema_name = 'main' AND NOT internal
UNION ALL
SELECT 'macro ' || function_name, macro_definition
FROM duckdb_functions()
WHERE database_name = current_database() AND schema_name = 'main' AND NOT internal;
