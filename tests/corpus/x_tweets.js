window.YTD.tweets.part0 = [
  {
    "tweet" : {
      "edit_info" : {"initial" : {"editTweetIds" : ["1590633065477046272"]}},
      "favorite_count" : "2",
      "id_str" : "1590633065477046272",
      "retweet_count" : "1",
      "id" : "1590633065477046272",
      "created_at" : "Thu Nov 10 09:10:50 +0000 2022",
      "full_text" : "From an export; with a semicolon"
    }
  },
  {
    "tweet" : {
      "favorite_count" : "0",
      "id_str" : "1590995709195190273",
      "retweet_count" : "0",
      "id" : "1590995709195190273",
      "created_at" : "Fri Nov 11 09:11:51 +0000 2022",
      "full_text" : "RT @other: passed on"
    }
  },
  {
    "tweet" : {
      "favorite_count" : "0",
      "id_str" : "1591358352913334274",
      "retweet_count" : "0",
      "id" : "1591358352913334274",
      "created_at" : "Sat Nov 12 09:12:52 +0000 2022",
      "full_text" : "\u263a \/ ]; the end"
    }
  }
]
