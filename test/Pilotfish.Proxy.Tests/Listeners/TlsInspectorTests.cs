using Envoy.Config.Listener.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Listeners;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;
using ListenerFilter = Envoy.Config.Listener.V3.ListenerFilter;
using ProtoTlsInspector = Envoy.Extensions.Filters.Listener.TlsInspector.V3.TlsInspector;

namespace Pilotfish.Proxy.Tests.Listeners;

/// <summary>tls_inspector on hellos of real clients, its fingerprints and its options.</summary>
public sealed class TlsInspectorTests
{
    private const ushort Grease = 0x3a3a;

    [Fact]
    public void RealHello_SplitAtEveryByte_IsReadWhenWhole()
    {
        byte[] hello = ClientHellos.Real("Reviews.Default.svc", "h2", "http/1.1");
        byte[] scratch = new byte[hello.Length];
        for (int i = 1; i < hello.Length; i++)
        {
            Assert.Equal(ClientHelloStatus.NeedMore, ClientHelloParser.Parse(hello.AsSpan(0, i), scratch, out _));
        }

        Assert.Equal(ClientHelloStatus.Done, ClientHelloParser.Parse(hello, scratch, out ClientHelloFacts facts, out ReadOnlySpan<byte> body));
        Assert.Equal("reviews.default.svc", facts.ServerName);
        Assert.Equal(["h2", "http/1.1"], facts.ApplicationProtocols);
        Assert.StartsWith("t13d", ClientHelloFingerprint.Ja4(body), StringComparison.Ordinal);
        Assert.Equal("h2", ClientHelloFingerprint.Ja4(body)[8..10]);
    }

    /// <summary>The example of salesforce/ja3's README.</summary>
    [Fact]
    public void Ja3_OfThePublishedExample_IsThePublishedHash()
    {
        byte[] hello = ClientHellos.Of(
            769, [Grease, 47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4],
            (Grease, []), (0, [0, 4, 0, 0, 1, (byte)'a']), (10, ClientHellos.List(Grease, 23, 24, 25)), (11, [1, 0]));
        Assert.Equal("ada70206e40642a3e4461f35503241d5", ClientHelloFingerprint.Ja3(Body(hello)));
    }

    /// <summary>The example of FoxIO's JA4.md.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Ja4_OfThePublishedExample_IsThePublishedText_InAnyOrder(bool reversed)
    {
        ushort[] ciphers =
            [Grease, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035];
        (ushort, byte[])[] extensions =
        [
            (Grease, []), (0x001b, []), (0x0000, [0, 4, 0, 0, 1, (byte)'a']), (0x0033, []), (0x0010, [0, 3, 2, (byte)'h', (byte)'2']), (0x4469, []), (0x0017, []), (0x002d, []),
            (0x000d, ClientHellos.List(0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601)), (0x0005, []), (0x0023, []), (0x0012, []),
            (0x002b, [6, 0x3a, 0x3a, 3, 4, 3, 3]), (0xff01, []), (0x000b, []), (0x000a, ClientHellos.List(29)), (0x0015, []),
        ];
        if (reversed)
        {
            Array.Reverse(ciphers);
            Array.Reverse(extensions);
        }

        Assert.Equal("t13d1516h2_8daaf6152771_e5627efa2ab1", ClientHelloFingerprint.Ja4(Body(ClientHellos.Of(0x0303, ciphers, extensions))));
    }

    [Theory]
    [InlineData("no extension", "t12i010000_", "_000000000000")]
    [InlineData("alpn of one byte", "t12i0101xx_", "_")]
    [InlineData("alpn of other characters", "t12i0101ab_", "_")]
    public void Ja4_OfSpareHellos_HasItsPlaceholders(string label, string begin, string end)
    {
        (ushort, byte[])[] extensions = label switch
        {
            "alpn of one byte" => [(16, [0, 2, 1, (byte)'x'])],
            "alpn of other characters" => [(16, [0, 3, 2, 0xad, 0x2b])],
            _ => [],
        };
        string ja4 = ClientHelloFingerprint.Ja4(Body(ClientHellos.Of(0x0303, [0x1301], extensions)));
        Assert.StartsWith(begin, ja4, StringComparison.Ordinal);
        Assert.Contains(end, ja4, StringComparison.Ordinal);
        Assert.Equal("t12i000000_000000000000_000000000000", ClientHelloFingerprint.Ja4(Body(ClientHellos.Of(0x0303, []))));
    }

    [Fact]
    public void Fingerprints_AnyByteChanged_NeverThrow()
    {
        byte[] hello = ClientHellos.Real("a.b", "h2");
        byte[] scratch = new byte[hello.Length];
        for (int i = 0; i < hello.Length; i++)
        {
            byte[] changed = [.. hello];
            changed[i] ^= 0xff;
            if (ClientHelloParser.Parse(changed, scratch, out _, out ReadOnlySpan<byte> body) == ClientHelloStatus.Done)
            {
                Assert.Equal(32, ClientHelloFingerprint.Ja3(body).Length);
                Assert.Equal(36, ClientHelloFingerprint.Ja4(body).Length);
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Fingerprints_AreTaken_WhereTheyAreAskedFor(bool asked) => LoopRunner.Run(async loop =>
    {
        byte[] hello = ClientHellos.Real("a.test", "h2");
        var fixture = new TransportFixture(loop);
        fixture.Apply(TransportFixture.StaticCluster("c", TestPeers.Greeter(loop, "hi").LocalAddress));
        Assert.Empty(fixture.Apply(Inspected(new ProtoTlsInspector
        {
            EnableJa3Fingerprinting = asked, EnableJa4Fingerprinting = asked, InitialReadBufferSize = 256,
        })));
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        for (int i = 0; i < hello.Length; i++)
        {
            await client.SendAsync(hello.AsMemory(i, 1));
            if (i % 8 == 0)
            {
                await loop.YieldAsync();
            }
        }

        Assert.Equal("hi", await TestPeers.ReceiveTextAsync(client, 2));
        client.Close();
        await TestPeers.UntilAsync(loop, () => fixture.Infos.Count == 1);
        Assert.Equal(
            asked ? (ClientHelloFingerprint.Ja3(Body(hello)), ClientHelloFingerprint.Ja4(Body(hello))) : (null, null),
            (fixture.Infos[0].Ja3Fingerprint, fixture.Infos[0].Ja4Fingerprint));
    });

    [Theory]
    [InlineData(true, 0)]
    [InlineData(false, 2)]
    public void Bytes_ThatAreNoTls_EndTheConnectionOnDemand(bool closes, int received) => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        fixture.Apply(TransportFixture.StaticCluster("c", TestPeers.Greeter(loop, "hi").LocalAddress));
        Assert.Empty(fixture.Apply(Inspected(new ProtoTlsInspector { CloseConnectionOnClientHelloParsingErrors = closes })));
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        await client.SendAsync("GET / HTTP/1.1\r\n\r\n"u8.ToArray());
        Assert.Equal(received, (await TestPeers.ReceiveTextAsync(client, 2)).Length);
        Assert.Equal((1, closes ? 1 : 0), (fixture.Counter("tls_inspector.tls_not_found"), fixture.Counter("listener.l.downstream_listener_filter_error")));
        client.Close();
    });

    [Fact]
    public void Hello_BeyondItsLimit_EndsTheConnection() => LoopRunner.Run(async loop =>
    {
        var fixture = new TransportFixture(loop);
        fixture.Apply(TransportFixture.StaticCluster("c", TestPeers.Greeter(loop, "hi").LocalAddress));
        Assert.Empty(fixture.Apply(Inspected(new ProtoTlsInspector { MaxClientHelloSize = 100 })));
        SocketStream client = await TestPeers.ConnectAsync(loop, fixture.AddressOf("l"));
        await client.SendAsync(ClientHellos.Real("a.test", "h2"));
        Assert.Equal("", await TestPeers.ReceiveTextAsync(client, 2));
        Assert.Equal(1, fixture.Counter("tls_inspector.client_hello_too_large"));
        client.Close();
    });

    [Fact]
    public void Options_OutOfRange_AreRefusedByField() => LoopRunner.Run(loop =>
    {
        var fixture = new TransportFixture(loop);
        RejectedResource large = Assert.Single(fixture.Apply(Inspected(new ProtoTlsInspector { MaxClientHelloSize = 20_000 })));
        Assert.Equal("listener_filters[0].typed_config.max_client_hello_size: 20000 is not between 1 and 16384", large.Reason);
        RejectedResource small = Assert.Single(fixture.Apply(Inspected(new ProtoTlsInspector { InitialReadBufferSize = 255 })));
        Assert.Equal("listener_filters[0].typed_config.initial_read_buffer_size: 255 is not between 256 and 65536", small.Reason);
        return Task.CompletedTask;
    });

    private static ReadOnlySpan<byte> Body(byte[] hello)
    {
        Assert.Equal(ClientHelloStatus.Done, ClientHelloParser.Parse(hello, new byte[hello.Length], out _, out ReadOnlySpan<byte> body));
        return body;
    }

    private static Listener Inspected(ProtoTlsInspector config)
    {
        Listener listener = TransportFixture.TcpListener("l", "c");
        listener.StatPrefix = "l";
        listener.ListenerFilters.Add(new ListenerFilter { Name = "tls", TypedConfig = Any.Pack(config) });
        listener.FilterChains[0].Filters[0] = TransportFixture.Tcp("c", static proxy =>
            proxy.AccessLog.Add(new Envoy.Config.Accesslog.V3.AccessLog { Name = "record", TypedConfig = Any.Pack(new StringValue()) }));
        return listener;
    }
}
