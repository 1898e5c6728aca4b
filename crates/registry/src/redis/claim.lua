-- ARGV: 5 floor, 6 salt, 7 owner.
local no = refusal()
if no then return no end
if redis.call('HGET', KEYS[1], 'quarantined') == '1' then return {'stale', record()} end
local settings, world = redis.call('HGET', KEYS[1], 'settings'), redis.call('GET', KEYS[2])
if not settings or not world then return {'broken'} end
grant(ARGV[7], ARGV[5], ARGV[6])
local attempts = tonumber(redis.call('HGET', KEYS[1], 'attempts')) + 1
redis.call('HSET', KEYS[1], 'attempts', math.min(attempts, 255))
tell()
return {'claimed', record(), settings, world, redis.call('XRANGE', KEYS[3], '-', '+')}
