-- Answers the number of renewals.
local news = put()
local renewals = redis.call('HINCRBY', KEYS[2], ARGV[1], 1)
if news then tell() end
return renewals
