-- Beginning of the scripts that put a member in place.
-- KEYS: 1 members, 2 renewals, 3 joined, 4 seen, 5 counter. ARGV: 1 id, 2 record (JSON), 3 state, 4 channel,
-- 5 the place in the order of joining that it had ('0' none): one that is not known keeps it.

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- What is of another type, and numbers that are none, are worth nothing: members say anew what they are.
for key = 1, 4 do
  local length = redis.pcall('HLEN', KEYS[key])
  if type(length) == 'table' then redis.call('DEL', KEYS[key]) end
end
for key = 2, 3 do
  local number = redis.call('HGET', KEYS[key], ARGV[1])
  if number and not tonumber(number) then redis.call('HDEL', KEYS[key], ARGV[1]) end
end

local function forget(id)
  for key = 1, 4 do redis.call('HDEL', KEYS[key], id) end
end

-- The last place that was given.
local function last_place()
  local last = tonumber(redis.pcall('GET', KEYS[5]))
  if last then return last end
  local places = redis.call('HGETALL', KEYS[3])
  last = 0
  for at = 2, #places, 2 do last = math.max(last, tonumber(places[at]) or 0) end
  return last
end

-- Answers whether others want to know: the member is new, or its state is.
local function put()
  local known = redis.call('HGET', KEYS[1], ARGV[1])
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  redis.call('HSET', KEYS[4], ARGV[1], now_ms())
  redis.call('HSETNX', KEYS[2], ARGV[1], 0)
  if redis.call('HEXISTS', KEYS[3], ARGV[1]) == 0 then
    local place, last = tonumber(ARGV[5]), last_place()
    if place == 0 then place = last + 1 end
    redis.call('HSET', KEYS[3], ARGV[1], place)
    redis.call('SET', KEYS[5], math.max(place, last))
  end
  if not known then return true end
  local readable, record = pcall(cjson.decode, known)
  return not readable or type(record) ~= 'table' or record.state ~= ARGV[3]
end

-- A hint only, and sent when all is written: that it may not be sent must not undo the answer.
local function tell()
  redis.pcall('PUBLISH', ARGV[4], 'members')
end
