-- ARGV: 5 floor, 6 salt, 7 the tick from which a stored world ends the count, 8 failures that are too many.
local no = refusal()
if no then return no end
grant('', ARGV[5], ARGV[6])
local held = redis.call('HMGET', KEYS[1], 'failures', 'calm')
local failures = math.min(tonumber(held[1] or 0) + 1, 255)
local from = ARGV[7]
if held[2] and later(held[2], from) then from = held[2] end
redis.call('HSET', KEYS[1], 'failures', failures, 'calm', from, 'quarantined', failures >= tonumber(ARGV[8]) and 1 or 0)
tell()
return {'game', record()}
