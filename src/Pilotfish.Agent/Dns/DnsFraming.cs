using System.Buffers.Binary;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Agent.Dns;

/// <summary>DNS over TCP: each message follows its length in 16 bits (RFC 1035 section 4.2.2).</summary>
internal static class DnsFraming
{
    /// <summary>Null where the stream ends or fails before a whole message came.</summary>
    public static async ValueTask<byte[]?> ReadAsync(IByteStream stream)
    {
        byte[] length = new byte[2];
        if (!await ReadExactlyAsync(stream, length))
        {
            return null;
        }

        byte[] message = new byte[BinaryPrimitives.ReadUInt16BigEndian(length)];
        return await ReadExactlyAsync(stream, message) ? message : null;
    }

    private static async ValueTask<bool> ReadExactlyAsync(IByteStream stream, Memory<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            IoResult received = await stream.ReceiveAsync(buffer);
            if (!received.IsOk || received.Bytes == 0)
            {
                return false;
            }

            buffer = buffer[received.Bytes..];
        }

        return true;
    }
}
