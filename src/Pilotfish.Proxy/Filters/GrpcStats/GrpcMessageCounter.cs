using System.Buffers.Binary;

namespace Pilotfish.Proxy.Filters.GrpcStats;

/// <summary>
/// Counts the length-prefixed messages of a gRPC body (gRPC over HTTP2, "Length-Prefixed-Message"), however they are split:
/// <code>Compressed-Flag (1 byte) | Message-Length (4 bytes, big endian) | Message</code>
/// </summary>
internal struct GrpcMessageCounter
{
    private const int PrefixBytes = 5;

    private uint _length;
    private int _prefixSeen;
    private long _messageLeft;

    public long Count { get; private set; }

    public void Add(ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            if (_messageLeft > 0)
            {
                int skip = (int)Math.Min(_messageLeft, data.Length);
                _messageLeft -= skip;
                data = data[skip..];
                continue;
            }

            if (_prefixSeen == 0 && data.Length >= PrefixBytes)
            {
                _length = BinaryPrimitives.ReadUInt32BigEndian(data[1..]);
                data = data[PrefixBytes..];
            }
            else
            {
                _length = _prefixSeen == 0 ? 0 : (_length << 8) | data[0];
                data = data[1..];
                if (++_prefixSeen < PrefixBytes)
                {
                    continue;
                }
            }

            // A message counts once its prefix is there, as Envoy counts it.
            Count++;
            _prefixSeen = 0;
            _messageLeft = _length;
        }
    }
}
