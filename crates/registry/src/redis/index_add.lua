-- KEYS: 1 index. ARGV: 1 milliseconds after which the index expires (0: never), then games.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local length = redis.pcall('HLEN', KEYS[1])
if type(length) == 'table' then redis.call('DEL', KEYS[1]) end
for at = 2, #ARGV do redis.call('HSET', KEYS[1], ARGV[at], now) end
if ARGV[1] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return 1
