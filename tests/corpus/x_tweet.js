window.YTD.tweet.part0 = [ {
  "retweeted" : false,
  "favorite_count" : "2",
  "id_str" : "1069536846934966272",
  "retweet_count" : "1",
  "created_at" : "Mon Dec 03 10:20:30 +0000 2018",
  "full_text" : "At the top level, as until 2019"
}, {
  "favorite_count" : "0",
  "id_str" : "1069914590147510273",
  "retweet_count" : "0",
  "created_at" : "Tue Dec 04 11:21:31 +0000 2018",
  "full_text" : "Second"
}, {
  "favorite_count" : "0",
  "id_str" : "1070292333360054274",
  "retweet_count" : "0",
  "created_at" : "Wed Dec 05 12:22:32 +0000 2018",
  "full_text" : "Third"
} ];
