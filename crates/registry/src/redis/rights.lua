-- Tries out what the other scripts and the plain commands do, on a key that is gone again afterwards.
-- KEYS: 1 scratch. ARGV: 1 channel. Answers what the user may not do.
local denied = {}

local function try(command, ...)
  local answer = redis.pcall(command, ...)
  local why = type(answer) == 'table' and answer.err or ''
  -- In the words of Redis 6.2, 7.0, and 7.2. Other errors (full, read-only) are not about rights.
  if string.find(why, 'NOPERM') or string.find(why, 'user executing the script') or string.find(why, 'ACL failure') then
    denied[#denied + 1] = string.lower(command)
  end
end

local key = KEYS[1]
try('TIME')
try('DEL', key)
try('EXISTS', key)
try('HSET', key, 'field', 1)
try('HSETNX', key, 'field', 1)
try('HINCRBY', key, 'field', 1)
try('HGET', key, 'field')
try('HMGET', key, 'field')
try('HGETALL', key)
try('HEXISTS', key, 'field')
try('HLEN', key)
try('HDEL', key, 'field')
redis.pcall('DEL', key)
try('SET', key, 1)
try('GET', key)
try('INCR', key)
try('PEXPIRE', key, 1000)
redis.pcall('DEL', key)
try('LPUSH', key, 1)
try('LRANGE', key, 0, -1)
try('LTRIM', key, 0, -1)
redis.pcall('DEL', key)
try('ZADD', key, 1, 1)
try('ZSCORE', key, 1)
try('ZREMRANGEBYRANK', key, 0, -1)
redis.pcall('DEL', key)
try('XADD', key, '1-1', 'batch', 1)
try('XRANGE', key, '-', '+')
try('XTRIM', key, 'MINID', '1-1')
redis.pcall('DEL', key)
-- Nobody understands it.
try('PUBLISH', ARGV[1], '')
return denied
