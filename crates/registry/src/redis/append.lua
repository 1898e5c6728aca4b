-- ARGV: 5 the tick that this follows, 6 the last tick of the batch, 7 the batch.
-- Called many times a second for each game, it looks at no more of the record than it needs. The next world that is stored does.
local held = redis.pcall('HMGET', KEYS[1], 'epoch', 'owner', 'durable', 'snapshot')
if held[1] ~= ARGV[3] or held[2] ~= ARGV[4] then return refusal() end
local durable, snapshot = held[3], held[4]
if later(ARGV[5], durable) then return refusal() or {'behind', record()} end
if later(ARGV[6], durable) then
  local added = redis.pcall('XADD', KEYS[3], 'NOMKSTREAM', id(ARGV[6], 0), 'batch', ARGV[7])
  if type(added) == 'table' then
    -- Something else stands in its place, or what somebody else has added.
    local other = string.find(added.err, 'WRONGTYPE') or string.find(added.err, 'equal or smaller')
    if not other then return added end
    redis.call('DEL', KEYS[3])
    added = nil
  end
  if not added then
    -- There is no log. If there was one, what led here from the world is lost.
    if later(durable, snapshot) then return refusal() or {'behind', record()} end
    redis.call('XADD', KEYS[3], id(ARGV[6], 0), 'batch', ARGV[7])
  end
  redis.call('HSET', KEYS[1], 'durable', ARGV[6])
end
return {'done'}
