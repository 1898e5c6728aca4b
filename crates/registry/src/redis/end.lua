local no = refusal()
if no then return no end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
tell()
return {'done'}
