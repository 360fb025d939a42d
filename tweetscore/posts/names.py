"""The names that columns of posts have, and what ``--column`` may say of them.

Names of the user enter, names of the table's columns leave.
"""

from collections.abc import Mapping
from dataclasses import replace

from tweetscore.errors import InputError
from tweetscore.io.columns import by_normalised_name
from tweetscore.io.tables.table import BLANK_LINE, Table
from tweetscore.posts.reddit import is_table

NAMES = {
    "tweet_id": (
        "idstr", "tweetid", "twitterid", "statusid", "postid", "messageid", "id", "ids",
    ),
    "posted": (
        "createdutc", "createdatutc", "postedutc", "publishedutc", "datetimeutc", "timestamputc",
        "dateutc", "timeutc", "createdat", "postedat", "publishedat", "posted", "published",
        "datetime", "timestamp", "date", "time", "created", "postdate", "tweetcreatedat",
        "tweetdate", "tweettime", "datecreated", "createdtime", "dateposted", "timeposted",
        "posttime", "postedtime", "createdon", "createddate", "creationdate", "posteddate",
        "publisheddate", "publishdate", "pubdate", "tweettimestamp", "tweetcreated",
        "unixtime", "unixtimestamp", "timestampms", "epoch", "createtime", "postcreated",
        "发布时间",
    ),
    "text": (
        "embeddedtext", "fulltext", "rawcontent", "text", "tweettext", "tweet", "tweetcontent",
        "content", "selftext", "body", "message", "messagetext", "posttext", "post", "comment",
        "commenttext", "videodescription", "caption", "sharecommentary", "微博正文", "hitsentence",
    ),
    "author": (
        "author", "screenname", "username", "authorusername", "userusername", "userscreenname",
        "handle", "user", "writer", "channel", "channelname", "channelusername", "channeltitle",
        "account", "accountacct", "acct", "authorname", "authordisplayname", "creatorusername",
        "ownerusername", "sendername", "sender", "fromname", "nickname", "by", "用户昵称",
    ),
    "retweet_count": (
        "retweetcount", "retweets", "reposts", "repostscount", "reblogs", "sharecount", "shares",
        "retweetscount", "retweetnum", "nretweets", "publicmetricsretweetcount", "publicmetrics",
        "转发数",
    ),
    "favorite_count": (
        "favoritecount", "favorites", "likes", "likecount", "favourites", "favouritescount",
        "likescount", "likenum", "nlikes", "publicmetricslikecount", "publicmetrics", "点赞数",
    ),
    "is_retweet": ("isretweet",),
    "counts_as_of": ("countsasof", "countsasofutc"),
    "zone": (
        "tz", "timezone", "utcoffset", "tzoffset", "gmtoffset", "timezoneoffset", "zone",
        "utcoffsetseconds", "offsetutc", "timezonename", "tzname",
    ),
    "platform": ("platform", "socialplatform"),
}  # fmt: skip
_BETWEEN = {"text": BLANK_LINE, "posted": " "}  # between columns that are one
_BODIES = ("selftext", "body", "text")


def with_joined(table: Table, given: Mapping[str, str]) -> tuple[Table, Mapping[str, str]]:
    """Return the table and what the user names of it, where several columns are one.

    ``title+body`` or ``date+time`` joins columns, a number names a column by its place, and
    ``edges.0.text`` an element of a list. The
    title and the text of a submission to Reddit are joined in any case.

    Args:
        table: the table.
        given: our name to what the user takes for it.

    Raises:
        InputError: other columns than those of the text or the time are joined.
    """
    named = dict(given)
    for ours, theirs in given.items():
        parts = [_at_place(table, part.strip()) for part in theirs.split("+")]
        elements = [part for part in parts if part not in table.columns and table.holds(part)]
        table = replace(table, columns=(*table.columns, *elements))
        if theirs in table.columns or not theirs:
            continue
        if len(parts) == 1:
            named[ours] = parts[0]
        elif all(part in table.columns for part in parts):
            if ours not in _BETWEEN:
                raise InputError(
                    f"{table.name}: only the text and the time may be several columns, and "
                    f"--column {ours}={theirs} joins some; name one of them"
                )
            table, named[ours] = table.joined(parts, _BETWEEN[ours]), "+".join(parts)
    if "text" not in given and (parts := _title_and_body(table)):
        table, named["text"] = table.joined(parts), "+".join(parts)
    return table, named


def _at_place(table: Table, name: str) -> str:
    """Return the column that a number from 1 stands for, unless a column has it for a name."""
    if name in table.columns or not (name.isascii() and name.isdigit()):
        return name
    place = int(name)
    return table.columns[place - 1] if 1 <= place <= len(table.columns) else name


def _title_and_body(table: Table) -> list[str]:
    """Return the columns of a title and a text as Reddit has them; none if there are none."""
    columns = by_normalised_name(table.columns)
    body = next((columns[name] for name in _BODIES if name in columns), None)
    if body is None or "title" not in columns or not is_table(table.columns):
        return []
    return [columns["title"], body]
