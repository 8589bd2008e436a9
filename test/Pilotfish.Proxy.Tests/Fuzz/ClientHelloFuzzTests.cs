using Pilotfish.Proxy.Listeners;
using Pilotfish.Proxy.Tests.Listeners;

namespace Pilotfish.Proxy.Tests.Fuzz;

/// <summary>ClientHellos: whatever the bytes, no prefix says other than the whole, and no fact is invented.</summary>
public sealed class ClientHelloFuzzTests
{
    private static readonly byte[][] s_hellos =
    [
        ClientHellos.Create("reviews.default.svc", ["istio-peer-exchange", "istio"], int.MaxValue),
        ClientHellos.Create("a.b", ["h2", "http/1.1"], 3),
        ClientHellos.Create(null, []),
    ];

    internal static FuzzTarget Hellos { get; } = new("client-hello", Make, Check);

    [Fact]
    public void Hello_AnyBytes_PrefixesNeverContradictTheWhole() => FuzzRun.Run(Hellos);

    private static void Check(byte[] input, Random random)
    {
        byte[] scratch = new byte[input.Length];
        ClientHelloStatus whole = ClientHelloParser.Parse(input, scratch, out ClientHelloFacts facts);
        int length = random.Next(input.Length + 1);
        ClientHelloStatus part = ClientHelloParser.Parse(input.AsSpan(0, length), new byte[length], out ClientHelloFacts partFacts);

        // Once a prefix is decided, more bytes change nothing.
        if (part != ClientHelloStatus.NeedMore)
        {
            Assert.Equal(whole, part);
            Assert.Equal(facts.ServerName, partFacts.ServerName);
            Assert.Equal(facts.ApplicationProtocols ?? [], partFacts.ApplicationProtocols ?? []);
        }

        if (whole == ClientHelloStatus.Done)
        {
            // Every name that is told stands in the bytes, cut by records or not: it is no longer than they are.
            Assert.True((facts.ServerName?.Length ?? 0) + (facts.ApplicationProtocols ?? []).Sum(static name => name.Length) <= input.Length);
            Assert.DoesNotContain('\0', facts.ServerName ?? "");
        }
    }

    private static byte[] Make(Random random)
    {
        byte[] hello = [.. s_hellos[random.Next(s_hellos.Length)]];
        for (int i = random.Next(4); i > 0; i--)
        {
            hello[random.Next(hello.Length)] = (byte)random.Next(256);
        }

        return random.Next(4) == 0 ? hello[..random.Next(hello.Length + 1)] : hello;
    }
}
