-- One row: one post and symbol of the table joined, where every minute of a session can be entered.
SELECT *, first_minute_utc AS minute_utc FROM joined
