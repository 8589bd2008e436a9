using System.Buffers.Binary;
using System.Net;
using Istio.Networking.Nds.V1;
using Pilotfish.Agent.Dns;
using Pilotfish.Language.Dns;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;

namespace Pilotfish.Agent.Tests.Dns;

public sealed class DnsProxyTests
{
    [Theory]
    [InlineData("reviews.default.svc.cluster.local.")]
    [InlineData("REVIEWS.default.svc.cluster.local.")]
    [InlineData("reviews.")]
    [InlineData("reviews.default.")]
    [InlineData("reviews.default.svc.")]
    public void ServiceName_InAnyForm_IsAnsweredFromTheTable(string name) => LoopRunner.Run(async loop =>
    {
        DnsProxy proxy = Start(loop, [], out NetAddress address);

        DnsMessage answer = await AskAsync(loop, address, name, DnsRecordType.A);

        Assert.Equal(DnsResponseCode.NOERROR, answer.ResponseCode);
        Assert.True(answer.IsAuthoritative);
        Assert.Equal("10.1.2.3", Assert.Single(answer.Answers).Address!.ToString());
        Assert.Equal(30u, answer.Answers[0].TtlSeconds);
        proxy.Dispose();
    });

    [Fact]
    public void NameUnderTheSearchDomain_IsAnsweredByAnAlias() => LoopRunner.Run(async loop =>
    {
        DnsProxy proxy = Start(loop, [], out NetAddress address);

        DnsMessage answer = await AskAsync(loop, address, "example.com.default.svc.cluster.local.", DnsRecordType.A);

        Assert.Equal("example.com.", answer.Answers[0].Target);
        Assert.Equal("example.com.", answer.Answers[1].Name);
        Assert.Equal("240.240.0.1", answer.Answers[1].Address!.ToString());
        proxy.Dispose();
    });

    [Fact]
    public void NameUnderAWildcard_IsAnsweredUnderItsOwnName() => LoopRunner.Run(async loop =>
    {
        DnsProxy proxy = Start(loop, [], out NetAddress address);

        DnsMessage answer = await AskAsync(loop, address, "a.b.wild.org.", DnsRecordType.AAAA);

        Assert.Equal("a.b.wild.org.", Assert.Single(answer.Answers).Name);
        Assert.Equal("2001:db8::1", answer.Answers[0].Address!.ToString());
        proxy.Dispose();
    });

    [Fact]
    public void KnownNameWithoutThatFamily_HasAnEmptyAnswer() => LoopRunner.Run(async loop =>
    {
        DnsProxy proxy = Start(loop, [], out NetAddress address);

        DnsMessage answer = await AskAsync(loop, address, "reviews.", DnsRecordType.AAAA);

        Assert.Equal(DnsResponseCode.NOERROR, answer.ResponseCode);
        Assert.Empty(answer.Answers);
        Assert.Equal(0, proxy.UpstreamRequestCount);
        proxy.Dispose();
    });

    [Theory]
    [InlineData("elsewhere.org.", DnsRecordType.A)]
    [InlineData("reviews.", DnsRecordType.TXT)]
    public void OtherQuestion_GoesUpstream(string name, DnsRecordType type) => LoopRunner.Run(async loop =>
    {
        DatagramSocket.TryBind(loop, NetAddress.Loopback(0), false, out DatagramSocket? server);
        _ = AnswerOneAsync(server!);
        DnsProxy proxy = Start(loop, [server!.LocalAddress], out NetAddress address);

        DnsMessage answer = await AskAsync(loop, address, name, type);

        Assert.Equal("192.0.2.9", Assert.Single(answer.Answers).Address!.ToString());
        Assert.Equal(1, proxy.UpstreamRequestCount);
        proxy.Dispose();
        server.Close();
    });

    [Fact]
    public void SilentServer_EndsInServfail() => LoopRunner.Run(async loop =>
    {
        DatagramSocket.TryBind(loop, NetAddress.Loopback(0), false, out DatagramSocket? silent);
        DnsProxy proxy = Start(loop, [silent!.LocalAddress], out NetAddress address, TimeSpan.FromMilliseconds(20));

        DnsMessage answer = await AskAsync(loop, address, "elsewhere.org.", DnsRecordType.A);

        Assert.Equal(DnsResponseCode.SERVFAIL, answer.ResponseCode);
        Assert.Equal(1, proxy.FailureCount);
        proxy.Dispose();
        silent.Close();
    });

    [Theory]
    [InlineData(5)]
    [InlineData(-5)]
    public void WallClockJumps_SilentServerIsWaitedForAsLong(int hours)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            DatagramSocket.TryBind(loop, NetAddress.Loopback(0), false, out DatagramSocket? silent);
            DnsProxy proxy = Start(loop, [silent!.LocalAddress], out NetAddress address, TimeSpan.FromSeconds(5));
            Task<DnsMessage> answer = AskAsync(loop, address, "elsewhere.org.", DnsRecordType.A);
            await silent.ReceiveFromAsync(new byte[DnsMessage.BytesMax]);
            clock.JumpWall(TimeSpan.FromHours(hours));
            clock.Advance(TimeSpan.FromMilliseconds(4900));
            await loop.YieldAsync();
            await loop.YieldAsync();
            Assert.Equal(0, proxy.FailureCount);
            clock.Advance(TimeSpan.FromMilliseconds(200));

            Assert.Equal(DnsResponseCode.SERVFAIL, (await answer).ResponseCode);
            proxy.Dispose();
            silent.Close();
        });
    }

    [Fact]
    public void Question_BeforeTheFirstTable_IsServfail() => LoopRunner.Run(async loop =>
    {
        var proxy = new DnsProxy(loop, Options([], TimeSpan.FromSeconds(5)));
        Assert.Equal(IoError.None, proxy.Listen(NetAddress.Loopback(0), out NetAddress address));

        DnsMessage answer = await AskAsync(loop, address, "reviews.", DnsRecordType.A);

        Assert.False(proxy.IsReady);
        Assert.Equal(DnsResponseCode.SERVFAIL, answer.ResponseCode);
        proxy.Dispose();
    });

    [Fact]
    public void TcpClient_AsksTwiceOnOneConnection() => LoopRunner.Run(async loop =>
    {
        DnsProxy proxy = Start(loop, [], out NetAddress address);
        SocketStream stream = SocketStream.Create(loop);
        Assert.Equal(IoError.None, await stream.ConnectAsync(address));
        for (int i = 0; i < 2; i++)
        {
            byte[] query = Query("reviews.", DnsRecordType.A).ToBytes();
            byte[] length = new byte[2];
            BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)query.Length);
            await stream.SendAsync(length, query);
            byte[]? answer = await DnsFraming.ReadAsync(stream);
            Assert.True(DnsMessage.TryParse(answer, out DnsMessage? message, out _));
            Assert.Single(message.Answers);
        }

        stream.Close();
        proxy.Dispose();
    });

    [Fact]
    public void ManyAddresses_OverUdp_AreTruncatedToTheClientsSize() => LoopRunner.Run(async loop =>
    {
        DnsProxy proxy = Start(loop, [], out NetAddress address);
        var table = new NameTable();
        var info = new NameTable.Types.NameInfo();
        info.Ips.AddRange(Enumerable.Range(0, 100).Select(i => $"10.0.0.{i}"));
        table.Table["big.org"] = info;
        proxy.Update(table);

        DnsMessage answer = await AskAsync(loop, address, "big.org.", DnsRecordType.A);

        Assert.True(answer.IsTruncated);
        Assert.InRange(answer.Answers.Count, 20, 40);
        proxy.Dispose();
    });

    [Fact]
    public void ResolvConf_IsRead()
    {
        ResolverConfig config = ResolverConfig.Parse(
            "# kubelet\nnameserver 10.96.0.10\nnameserver fd00::a\nnameserver nonsense\nsearch a.svc.cluster.local svc.cluster.local\noptions ndots:5\n");

        Assert.Equal(["10.96.0.10:53", "[fd00::a]:53"], config.Servers.Select(s => s.ToString()));
        Assert.Equal("a.svc.cluster.local", config.SearchDomains[0]);
    }

    private static DnsProxyOptions Options(IReadOnlyList<NetAddress> servers, TimeSpan timeout) => new()
    {
        ProxyNamespace = "default",
        ProxyDomain = "default.svc.cluster.local",
        Resolver = new ResolverConfig(servers, ["default.svc.cluster.local", "svc.cluster.local"]),
        UpstreamTimeout = timeout,
    };

    private static DnsProxy Start(
        EventLoop loop, IReadOnlyList<NetAddress> servers, out NetAddress address, TimeSpan? timeout = null)
    {
        var table = new NameTable();
        table.Table["reviews.default.svc.cluster.local"] = new NameTable.Types.NameInfo
        {
            Ips = { "10.1.2.3" },
            Registry = "Kubernetes",
            Shortname = "reviews",
            Namespace = "default",
        };
        table.Table["example.com"] = new NameTable.Types.NameInfo { Ips = { "240.240.0.1" }, Registry = "External" };
        table.Table["*.wild.org"] = new NameTable.Types.NameInfo { Ips = { "2001:db8::1" }, Registry = "External" };
        var proxy = new DnsProxy(loop, Options(servers, timeout ?? TimeSpan.FromSeconds(5)));
        Assert.Equal(IoError.None, proxy.Listen(NetAddress.Loopback(0), out address));
        proxy.Update(table);
        return proxy;
    }

    private static DnsMessage Query(string name, DnsRecordType type) =>
        new() { Id = 77, RecursionDesired = true, Questions = [new DnsQuestion(name, type)] };

    private static async Task<DnsMessage> AskAsync(EventLoop loop, NetAddress server, string name, DnsRecordType type)
    {
        DatagramSocket.TryBind(loop, NetAddress.Loopback(0), false, out DatagramSocket? socket);
        socket!.TrySendTo(Query(name, type).ToBytes(), server);
        byte[] buffer = new byte[DnsMessage.BytesMax];
        DatagramResult received = await socket.ReceiveFromAsync(buffer);
        socket.Close();
        Assert.True(DnsMessage.TryParse(buffer.AsSpan(0, received.Bytes), out DnsMessage? message, out string? problem), problem);
        return message;
    }

    private static async Task AnswerOneAsync(DatagramSocket server)
    {
        byte[] buffer = new byte[DnsMessage.BytesMax];
        DatagramResult received = await server.ReceiveFromAsync(buffer);
        Assert.True(DnsMessage.TryParse(buffer.AsSpan(0, received.Bytes), out DnsMessage? query, out _));
        DnsMessage reply = query.Reply(DnsResponseCode.NOERROR) with
        {
            Answers = [DnsRecord.OfAddress(query.Questions[0].Name, IPAddress.Parse("192.0.2.9"), 5)],
        };
        server.TrySendTo(reply.ToBytes(), received.From);
    }
}
