-- ARGV: 5 the tick that this follows, 6 the last tick of the batch, 7 the batch.
local no = refusal()
if no then return no end
local durable = redis.call('HGET', KEYS[1], 'durable')
if later(ARGV[5], durable) then return {'behind', record()} end
if later(ARGV[6], durable) then
  redis.call('XADD', KEYS[3], id(ARGV[6], 0), 'batch', ARGV[7])
  redis.call('HSET', KEYS[1], 'durable', ARGV[6])
end
return {'done'}
