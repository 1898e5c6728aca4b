-- KEYS: 1 cluster. ARGV: 1 record (JSON), 2 channel.
redis.call('SET', KEYS[1], ARGV[1])
redis.pcall('PUBLISH', ARGV[2], 'members')
return 1
