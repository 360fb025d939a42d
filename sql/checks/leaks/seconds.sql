-- One row: one source of whose posts nearly all stand at second 0, at 20 different minutes or more. Where
-- seconds are known, a chance of one in 60 for each post makes that impossible; where they were cut off, a
-- post may have been published up to a minute after it entered. Sources whose ids show the same seconds, as
-- those of a bot on a schedule, and sources ingested with --precision second are exact, as their clock says.
SELECT
    'source ' || source_id || ' (' || any_value(parse_filename(name)) || '): '
        || count(*) FILTER (whole) || ' of ' || count(*) || ' posts are at second 0, the first '
        || min(platform || ' ' || tweet_id) FILTER (whole) AS problem
FROM (SELECT *, posted_utc = date_trunc('minute', posted_utc) AS whole FROM tweets)
LEFT JOIN (SELECT source_id, name, clock FROM sources) USING (source_id)
WHERE clock IS NULL OR clock NOT LIKE '%; exact to the second by %'
GROUP BY source_id
HAVING count(*) FILTER (whole) >= 0.95 * count(*)
    AND count(DISTINCT posted_utc) FILTER (whole) >= 20;
