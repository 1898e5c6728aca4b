-- Beginning of the scripts that read several keys at one moment. Of a key of another type: what Redis says instead, as a text.
local function read(...)
  local answer = redis.pcall(...)
  return type(answer) == 'table' and answer.err or answer
end

