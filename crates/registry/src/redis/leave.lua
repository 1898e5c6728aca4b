-- ARGV: 2 and 3 are unused.
local known = redis.call('HEXISTS', KEYS[1], ARGV[1])
forget(ARGV[1])
if known == 1 then tell() end
return 1
