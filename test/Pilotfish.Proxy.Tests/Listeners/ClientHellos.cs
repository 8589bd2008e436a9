using System.Buffers.Binary;
using System.Net.Security;
using System.Text;

namespace Pilotfish.Proxy.Tests.Listeners;

/// <summary>Builds ClientHello messages, whole or cut into records.</summary>
internal static class ClientHellos
{
    public static byte[] Create(string? serverName, string[] protocols, int recordBytes = int.MaxValue)
    {
        var extensions = new List<byte>();
        if (serverName is not null)
        {
            byte[] name = Encoding.ASCII.GetBytes(serverName);
            Extension(extensions, 0, [.. Short(name.Length + 3), 0, .. Short(name.Length), .. name]);
        }

        if (protocols.Length > 0)
        {
            var list = new List<byte>();
            foreach (string protocol in protocols)
            {
                list.Add((byte)protocol.Length);
                list.AddRange(Encoding.ASCII.GetBytes(protocol));
            }

            Extension(extensions, 16, [.. Short(list.Count), .. list]);
        }

        byte[] body =
        [
            3, 3, .. new byte[32], 0, .. Short(2), 0x13, 0x01, 1, 0, .. Short(extensions.Count), .. extensions,
        ];
        byte[] message = [1, (byte)(body.Length >> 16), (byte)(body.Length >> 8), (byte)body.Length, .. body];
        var records = new List<byte>();
        for (int at = 0; at < message.Length; at += recordBytes)
        {
            byte[] fragment = message[at..Math.Min(message.Length, recordBytes == int.MaxValue ? message.Length : at + recordBytes)];
            records.AddRange([22, 3, 1, .. Short(fragment.Length), .. fragment]);
            if (recordBytes == int.MaxValue)
            {
                break;
            }
        }

        return [.. records];
    }

    /// <summary>A hello of exactly these parts, in one record.</summary>
    public static byte[] Of(ushort version, ushort[] ciphers, params (ushort Type, byte[] Value)[] extensions)
    {
        var all = new List<byte>();
        foreach ((ushort type, byte[] value) in extensions)
        {
            Extension(all, type, value);
        }

        byte[] body = [.. Short(version), .. new byte[32], 0, .. List(ciphers), 1, 0, .. Short(all.Count), .. all];
        byte[] message = [1, (byte)(body.Length >> 16), (byte)(body.Length >> 8), (byte)body.Length, .. body];
        return [22, 3, 1, .. Short(message.Length), .. message];
    }

    /// <summary>Numbers of two bytes behind their length in two bytes.</summary>
    public static byte[] List(params ushort[] numbers) =>
        [.. Short(numbers.Length * 2), .. numbers.SelectMany(static number => Short(number))];

    /// <summary>What .NET's TLS client says first.</summary>
    public static byte[] Real(string serverName, params string[] protocols)
    {
        var sent = new FirstFlight();
        using var client = new SslStream(sent);
        Assert.Throws<IOException>(() => client.AuthenticateAsClient(new SslClientAuthenticationOptions
        {
            TargetHost = serverName,
            ApplicationProtocols = [.. protocols.Select(static protocol => new SslApplicationProtocol(protocol))],
        }));
        return sent.ToArray();
    }

    private static void Extension(List<byte> into, int type, byte[] value)
    {
        into.AddRange([.. Short(type), .. Short(value.Length), .. value]);
    }

    private static byte[] Short(int value)
    {
        byte[] bytes = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)value);
        return bytes;
    }

    /// <summary>Takes what is written and has nothing to read.</summary>
    private sealed class FirstFlight : MemoryStream
    {
        public override int Read(Span<byte> buffer) => 0;

        public override int Read(byte[] buffer, int offset, int count) => 0;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(0);
    }
}
