-- KEYS: 1 cluster, 2 beat, 3 tallies of moves since the target revision. ARGV: 1 record (JSON), 2 channel, 3 target revision.
-- Tells only where something changed.
local beat = redis.pcall('GET', KEYS[2])
if beat and not tonumber(beat) then redis.call('DEL', KEYS[2]) end
redis.call('INCR', KEYS[2])
local held = redis.pcall('GET', KEYS[1])
if held == ARGV[1] then return 1 end
local readable, record = pcall(cjson.decode, held or '{}')
if not readable or type(record) ~= 'table' or (record.target_revision or '') ~= ARGV[3] then redis.call('DEL', KEYS[3]) end
redis.call('SET', KEYS[1], ARGV[1])
redis.pcall('PUBLISH', ARGV[2], 'members')
return 1
