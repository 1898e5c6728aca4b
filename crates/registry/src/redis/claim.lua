-- ARGV: 5 floor, 6 salt, 7 owner.
local no = refusal()
if no then return no end
if redis.call('HGET', KEYS[1], 'quarantined') == '1' then return {'stale', record()} end
local settings, world = redis.call('HGET', KEYS[1], 'settings'), redis.pcall('GET', KEYS[2])
if not settings or not pcall(cjson.decode, settings) or type(world) ~= 'string' then return {'broken'} end
local log = redis.pcall('XRANGE', KEYS[3], '-', '+')
if log.err then
  redis.call('DEL', KEYS[3])
  log = {}
end
-- Lost or not needed: the game goes on from the world.
if #log == 0 then redis.call('HSET', KEYS[1], 'durable', redis.call('HGET', KEYS[1], 'snapshot')) end
grant(ARGV[7], ARGV[5], ARGV[6])
local attempts = tonumber(redis.call('HGET', KEYS[1], 'attempts')) + 1
redis.call('HSET', KEYS[1], 'attempts', math.min(attempts, 255))
tell()
return {'claimed', record(), settings, world, log}
