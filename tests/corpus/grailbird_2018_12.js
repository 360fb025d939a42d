Grailbird.data.tweets_2018_12 =
 [ {
  "source" : "web",
  "id_str" : "1069536846934966272",
  "text" : "A month's first",
  "id" : 1069536846934966272,
  "created_at" : "2018-12-03 10:20:30 +0000",
  "user" : {"screen_name" : "made_up", "id" : 7}
}, {
  "id_str" : "1069914590147510273",
  "text" : "RT @other: passed on",
  "id" : 1069914590147510273,
  "created_at" : "Tue Dec 04 11:21:31 +0000 2018",
  "retweeted_status" : {"id" : 8, "text" : "passed on", "user" : {"screen_name" : "other"}},
  "user" : {"screen_name" : "made_up", "id" : 7}
}, {
  "id_str" : "1070292333360054274",
  "text" : "Third",
  "id" : 1070292333360054274,
  "created_at" : "2018-12-05 12:22:32 +0000",
  "user" : {"screen_name" : "made_up", "id" : 7}
} ]
