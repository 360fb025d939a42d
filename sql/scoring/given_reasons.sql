-- One row: one reason of the rejects of $source_id, without the values in it, and their number.
SELECT regexp_replace(reason, ': ''.*', '', 's') AS reason, count(*) AS records
FROM rejects WHERE source_id = $source_id
GROUP BY ALL ORDER BY records DESC, reason;
