using System.Net;
using Pilotfish.Language.Dns;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Clusters.Resolution;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Clusters.Resolution;

public sealed class DnsResolverTests : IDisposable
{
    private static readonly IPAddress s_one = IPAddress.Parse("10.0.0.1");
    private static readonly IPAddress s_two = IPAddress.Parse("10.0.0.2");
    private static readonly IPAddress s_evil = IPAddress.Parse("6.6.6.6");

    private readonly string _folder = Directory.CreateTempSubdirectory("pilotfish-dns-").FullName;

    private string Resolv => Path.Combine(_folder, "resolv.conf");

    private string Hosts => Path.Combine(_folder, "hosts");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Answer_Addresses_CarryTheShortestTtl() => Run(async (resolver, server, options) =>
    {
        server.Answer(DnsRecord.OfAddress("db.example.", s_one, 300), DnsRecord.OfAddress("DB.example.", s_two, 7));
        NameAnswer answer = await resolver.ResolveAsync("db.example", AddressFamilyKind.IPv4, options);
        Assert.Equal(["10.0.0.1", "10.0.0.2"], answer.Addresses.Select(static a => a.IpToString()));
        Assert.Equal((7000, null), (answer.TtlMilliseconds, answer.Failure));
    });

    [Fact]
    public void Answer_ThroughAliases_IsFollowed() => Run(async (resolver, server, options) =>
    {
        server.Answer(
            DnsRecord.OfAlias("db.example.", "a.example.", 5), DnsRecord.OfAlias("a.example.", "b.example.", 50),
            DnsRecord.OfAddress("b.example.", s_one, 60), DnsRecord.OfAddress("other.example.", s_evil, 60));
        NameAnswer answer = await resolver.ResolveAsync("db.example", AddressFamilyKind.IPv4, options);
        Assert.Equal("10.0.0.1", Assert.Single(answer.Addresses).IpToString());
        Assert.Equal(5000, answer.TtlMilliseconds);
    });

    [Fact]
    public void Answer_CircleOfAliases_IsAFailure() => Run(async (resolver, server, options) =>
    {
        server.Answer(DnsRecord.OfAlias("db.example.", "a.example.", 5), DnsRecord.OfAlias("a.example.", "db.example.", 5));
        Assert.Contains("circle", (await resolver.ResolveAsync("db.example", AddressFamilyKind.IPv4, options)).Failure);
    });

    [Fact]
    public void Datagrams_Forged_AreIgnored() => Run(async (resolver, server, options) =>
    {
        server.Udp = query =>
        {
            DnsMessage reply = query.Reply(DnsResponseCode.NOERROR) with { Answers = [DnsRecord.OfAddress("db.example.", s_evil, 60)] };
            return
            [
                [1, 2, 3],
                query.ToBytes(),
                (reply with { Id = (ushort)(query.Id + 1) }).ToBytes(),
                (reply with { Questions = [new DnsQuestion("other.example.", DnsRecordType.A)] }).ToBytes(),
                (reply with { Questions = [new DnsQuestion("db.example.", DnsRecordType.AAAA)] }).ToBytes(),
                (reply with { Answers = [DnsRecord.OfAddress("db.example.", s_one, 60)] }).ToBytes(),
            ];
        };
        NameAnswer answer = await resolver.ResolveAsync("db.example", AddressFamilyKind.IPv4, options);
        Assert.Equal("10.0.0.1", Assert.Single(answer.Addresses).IpToString());
    });

    [Fact]
    public void Answer_Truncated_IsAskedAgainOverTcp() => Run(async (resolver, server, options) =>
    {
        server.Udp = static query => [(query.Reply(DnsResponseCode.NOERROR) with { IsTruncated = true }).ToBytes()];
        server.Tcp = static query => query.Reply(DnsResponseCode.NOERROR) with
        {
            Answers = [.. Enumerable.Range(1, 100).Select(static i => DnsRecord.OfAddress("db.example.", new IPAddress([10, 1, 0, (byte)i]), 60))],
        };
        Assert.Equal(100, (await resolver.ResolveAsync("db.example", AddressFamilyKind.IPv4, options)).Addresses.Count);
        Assert.Equal(["udp A db.example.", "tcp A db.example."], server.Asked);
    });

    [Fact]
    public void Tcp_Configured_IsUsedAlone() => Run(async (resolver, server, options) =>
    {
        server.Tcp = static query => query.Reply(DnsResponseCode.NOERROR) with { Answers = [DnsRecord.OfAddress("db.example.", s_one, 60)] };
        Assert.Single((await resolver.ResolveAsync("db.example", AddressFamilyKind.IPv4, options with { UsesTcp = true })).Addresses);
        Assert.Equal(["tcp A db.example."], server.Asked);
    });

    [Fact]
    public void Server_Silent_NextOneIsAskedAndAtLastItFails()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            using var silent = new ScriptedNameServer(loop);
            using var good = new ScriptedNameServer(loop);
            good.Answer(DnsRecord.OfAddress("db.example.", s_one, 60));
            DnsResolver resolver = Resolver(loop);
            var options = new DnsResolverOptions { Servers = [silent.Address, good.Address], TimeoutSeconds = 3, Attempts = 1, SkipsSearchDomains = true };
            Task<NameAnswer> asked = resolver.ResolveAsync("db.example", AddressFamilyKind.IPv4, options).AsTask();
            await TestPeers.UntilAsync(loop, () => silent.Asked.Count == 1);
            Assert.Empty(good.Asked);
            clock.Advance(TimeSpan.FromSeconds(3.1));
            Assert.Single((await asked).Addresses);

            Task<NameAnswer> vain = resolver.ResolveAsync("db.example", AddressFamilyKind.IPv4, options with { Servers = [silent.Address] }).AsTask();
            await TestPeers.UntilAsync(loop, () => silent.Asked.Count == 2);
            clock.Advance(TimeSpan.FromSeconds(3.1));
            Assert.Equal($"name server {silent.Address}: no answer in time", (await vain).Failure);
        });
    }

    [Fact]
    public void Name_UnknownOrWithoutThatFamily_HasNoAddressesAndNoFailure() => Run(async (resolver, server, options) =>
    {
        server.Refuse(DnsResponseCode.NXDOMAIN);
        Assert.Equal((0, null), Short(await resolver.ResolveAsync("db.example", AddressFamilyKind.IPv4, options)));
        server.Answer();
        Assert.Equal((0, null), Short(await resolver.ResolveAsync("db.example", AddressFamilyKind.IPv6, options)));
        server.Refuse(DnsResponseCode.SERVFAIL);
        Assert.EndsWith("answered SERVFAIL", (await resolver.ResolveAsync("db.example", AddressFamilyKind.IPv4, options)).Failure);
    });

    [Fact]
    public void SearchDomains_OfResolvConf_AreTriedInOrder() => Run(async (resolver, server, options) =>
    {
        File.WriteAllText(Resolv, "search a.local b.local\noptions ndots:2\n");
        server.Udp = static query => query.Questions[0].Name == "db.b.local."
            ? [(query.Reply(DnsResponseCode.NOERROR) with { Answers = [DnsRecord.OfAddress("db.b.local.", s_one, 60)] }).ToBytes()]
            : [query.Reply(DnsResponseCode.NXDOMAIN).ToBytes()];
        Assert.Single((await resolver.ResolveAsync("db", AddressFamilyKind.IPv4, options with { SkipsSearchDomains = false })).Addresses);
        Assert.Equal(["udp A db.a.local.", "udp A db.b.local."], server.Asked);
    });

    [Fact]
    public void HostsFile_Changed_IsReadAgainAndAsksNobody() => Run(async (resolver, server, options) =>
    {
        File.WriteAllText(Hosts, "10.0.0.1 db.example # one\n");
        Assert.Equal("10.0.0.1", (await resolver.ResolveAsync("db.example", AddressFamilyKind.IPv4, options)).Addresses[0].IpToString());
        File.WriteAllText(Hosts + ".new", "10.0.0.2 db.example\n");
        File.Move(Hosts + ".new", Hosts, overwrite: true);
        Assert.Equal("10.0.0.2", (await resolver.ResolveAsync("db.example", AddressFamilyKind.IPv4, options)).Addresses[0].IpToString());
        Assert.Equal("127.0.0.1", (await resolver.ResolveAsync("x.localhost", AddressFamilyKind.IPv4, options)).Addresses[0].IpToString());
        Assert.Equal("10.9.8.7", (await resolver.ResolveAsync("10.9.8.7", AddressFamilyKind.IPv4, options)).Addresses[0].IpToString());
        Assert.Empty(server.Asked);
    });

    [Fact]
    public void Questions_Many_AreBoundedAndAllAnswered() => Run(async (resolver, server, options) =>
    {
        server.Udp = static query =>
            [(query.Reply(DnsResponseCode.NOERROR) with { Answers = [DnsRecord.OfAddress(query.Questions[0].Name, s_one, 60)] }).ToBytes()];
        Task<NameAnswer>[] all =
        [
            .. Enumerable.Range(0, 3 * DnsResolver.QuestionsMax).Select(i => resolver.ResolveAsync($"n{i}.example", AddressFamilyKind.IPv4, options).AsTask()),
        ];
        Assert.All(await Task.WhenAll(all), static answer => Assert.Single(answer.Addresses));
    });

    private static (int, string?) Short(NameAnswer answer) => (answer.Addresses.Count, answer.Failure);

    private void Run(Func<DnsResolver, ScriptedNameServer, DnsResolverOptions, Task> body) => LoopRunner.Run(async loop =>
    {
        using var server = new ScriptedNameServer(loop);
        await body(Resolver(loop), server, new DnsResolverOptions { Servers = [server.Address], SkipsSearchDomains = true, Attempts = 1 });
    });

    private DnsResolver Resolver(EventLoop loop) => new(loop, null, Resolv, Hosts);
}
