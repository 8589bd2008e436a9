using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Tls;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Tls;

/// <summary>Secrets that come later and secrets that are replaced.</summary>
public sealed class SecretTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("pilotfish-secrets").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Listener_SecretNotThere_WarmsUntilItIs() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        Assert.Empty(bench.Fixture.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", BySds()))));
        Assert.Empty(bench.Fixture.Listeners.BoundAddresses("l"));
        Push(bench, TlsBench.Mesh, TlsBench.ServerUri);
        Assert.True(await bench.EchoesAsync(bench.Fixture.AddressOf("l"), TlsBench.Client()));
    });

    /// <summary>When waiting is over, both sides are there and say why they cannot shake hands, until the secrets come.</summary>
    [Fact]
    public void FetchTimeout_ListenerAndClusterRefuseWithTheirCounters_UntilTheSecretsCome() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        Assert.Empty(bench.Fixture.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", BySds()))));
        TimeOut(bench);
        NetAddress address = bench.Fixture.AddressOf("l");
        SocketStream client = await TestPeers.ConnectAsync(loop, address);
        Assert.False((await TestPeers.EndAsync(client)).Bytes > 0);
        client.Close();
        Assert.Equal(1, bench.Stat("l", "server_ssl_socket_factory.downstream_context_secrets_not_ready"));

        Cluster cluster = TransportFixture.StaticCluster("secured", address);
        cluster.TransportSocket = TlsMessages.Socket(new UpstreamTlsContext
        {
            CommonTlsContext = new CommonTlsContext { ValidationContextSdsSecretConfig = TlsMessages.Sds("other roots") },
        });
        Assert.Empty(bench.Fixture.Apply(cluster));
        TimeOut(bench);
        NetAddress plain = bench.Apply(TransportFixture.TcpListener("plain", "secured"));
        client = await TestPeers.ConnectAsync(loop, plain);
        Assert.False((await TestPeers.EndAsync(client)).Bytes > 0);
        client.Close();
        Assert.Equal(1, bench.ClusterStat("secured", "client_ssl_socket_factory.upstream_context_secrets_not_ready"));

        Push(bench, TlsBench.Mesh, TlsBench.ServerUri);
        Assert.True(await bench.EchoesAsync(address, TlsBench.Client()));

        static void TimeOut(TlsBench bench)
        {
            foreach ((ResourceType type, string name, IResourceConsumer consumer) in bench.Fixture.Subscriptions.Subscribers.ToArray())
            {
                if (type == ResourceType.Secret)
                {
                    consumer.OnInitialFetchTimeout(name);
                }
            }
        }
    });

    [Fact]
    public void Rotation_NewSecret_ServesTheNextHandshakeAndLeavesOpenConnections() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        Push(bench, TlsBench.Mesh, TlsBench.ServerUri);
        NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", BySds())));
        TlsStream before = (await bench.ShakeHandsAsync(address, TlsBench.Client())).Stream!;
        Assert.True(await TlsBench.EchoesAsync(before));
        string first = before.Tls.PeerCertificate!.Thumbprint;

        var next = new TestCertificates("next root");
        Push(bench, next, TlsBench.ServerUri);
        TlsClientOptions newcomer = new() { Certificate = next.Identity(TlsBench.ClientUri), ServerName = "rotated" };
        TlsStream after = (await bench.ShakeHandsAsync(address, newcomer)).Stream!;
        Assert.True(await TlsBench.EchoesAsync(after));
        Assert.NotEqual(first, after.Tls.PeerCertificate!.Thumbprint);
        Assert.True(await TlsBench.EchoesAsync(before));
        Assert.False(await bench.EchoesAsync(address, TlsBench.Client() with { ServerName = "old identity" }));
        Assert.Equal(0, bench.Fixture.Counter("listener_manager.listener_modified"));
        before.Close();
        after.Close();
    });

    [Fact]
    public void Secret_OfTheWrongKind_IsRefusedAndTheOldOneStays() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        Push(bench, TlsBench.Mesh, TlsBench.ServerUri);
        NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", BySds())));
        Config.ConfigRejectedException refused = Assert.Throws<Config.ConfigRejectedException>(() => bench.Fixture.Subscriptions.Push(
            "default", new Secret { Name = "default", ValidationContext = new CertificateValidationContext() }));
        Assert.Contains("is no certificate", refused.Message, StringComparison.Ordinal);
        Assert.True(await bench.EchoesAsync(address, TlsBench.Client()));
    });

    [Fact]
    public void StaticSecret_IsFoundByName_AndAnUnknownOneIsRejected() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        DownstreamTlsContext tls = TlsBench.Mutual();
        tls.CommonTlsContext.TlsCertificates.Clear();
        tls.CommonTlsContext.TlsCertificateSdsSecretConfigs.Add(new SdsSecretConfig { Name = "mine" });
        var rejected = bench.Fixture.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", tls)));
        Assert.Contains("Unknown static secret 'mine'", Assert.Single(rejected).Reason, StringComparison.Ordinal);
        bench.Fixture.Context.StaticSecrets["mine"] = new Secret
        {
            Name = "mine", TlsCertificate = TlsMessages.Certificate(TlsBench.Mesh.Leaf(TlsBench.ServerUri)),
        };
        Assert.True(await bench.EchoesAsync(bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", tls))), TlsBench.Client()));
    });

    [Fact]
    public void Files_Replaced_ServeTheNextHandshake()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            var bench = new TlsBench(loop);
            string chain = Path.Combine(_directory, "cert-chain.pem");
            string key = Path.Combine(_directory, "key.pem");
            DownstreamTlsContext tls = TlsBench.Mutual();
            tls.CommonTlsContext.TlsCertificates[0] = new TlsCertificate
            {
                CertificateChain = new DataSource { Filename = chain }, PrivateKey = new DataSource { Filename = key },
            };

            // The files are not there yet: the listener listens, its handshakes fail with a reason.
            NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", tls)));
            Assert.False(await bench.EchoesAsync(address, TlsBench.Client()));
            Assert.Equal(1, bench.Stat("l", "server_ssl_socket_factory.downstream_context_secrets_not_ready"));

            string first = await ReplaceAsync(TlsBench.ServerUri);
            string second = await ReplaceAsync("spiffe://cluster.local/ns/a/sa/a-longer-name");
            Assert.NotEqual(first, second);

            async Task<string> ReplaceAsync(string uri)
            {
                (string pem, string pemKey) = TlsBench.Mesh.Leaf(uri);
                await File.WriteAllTextAsync(chain, pem);
                await File.WriteAllTextAsync(key, pemKey);
                clock.Advance(TimeSpan.FromSeconds(1.1));
                await loop.YieldAsync();
                await loop.YieldAsync();
                TlsHandshake shaken = await bench.ShakeHandsAsync(address, TlsBench.Client() with { ServerName = uri[^9..] });
                Assert.True(await TlsBench.EchoesAsync(shaken.Stream!), shaken.Failure);
                shaken.Stream!.Close();
                return shaken.Stream.Tls.PeerCertificate!.Thumbprint;
            }
        });
    }

    /// <summary>With a watched directory a change there counts, and none of the files themselves: all are read when all are in place.</summary>
    [Fact]
    public void Files_WithAWatchedDirectory_AreReadWhenThatChanges() => Run(async (loop, clock) =>
    {
        var bench = new TlsBench(loop);
        string watched = Directory.CreateDirectory(Path.Combine(_directory, "watched")).FullName;
        string chain = Path.Combine(_directory, "chain.pem");
        string key = Path.Combine(_directory, "key.pem");
        string root = Path.Combine(_directory, "root.pem");
        await WriteAsync(TlsBench.Mesh);
        var directory = new WatchedDirectory { Path = watched };
        DownstreamTlsContext tls = TlsBench.Mutual();
        tls.CommonTlsContext.TlsCertificates[0] = new TlsCertificate
        {
            CertificateChain = new DataSource { Filename = chain }, PrivateKey = new DataSource { Filename = key }, WatchedDirectory = directory,
        };
        tls.CommonTlsContext.ValidationContext = new CertificateValidationContext
        {
            TrustedCa = new DataSource { Filename = root }, WatchedDirectory = directory,
        };
        NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", tls)));
        Assert.True(await bench.EchoesAsync(address, TlsBench.Client()));

        var next = new TestCertificates("next root");
        TlsClientOptions newcomer = new() { Certificate = next.Identity(TlsBench.ClientUri), ServerName = "watched", AllowResumption = false };
        await WriteAsync(next);
        await LookAsync();
        Assert.False(await bench.EchoesAsync(address, newcomer));
        await File.WriteAllTextAsync(Path.Combine(watched, "done"), "");
        Directory.SetLastWriteTimeUtc(watched, DateTime.UtcNow.AddHours(1));
        await LookAsync();
        TlsStream client = (await bench.ShakeHandsAsync(address, newcomer)).Stream!;
        Assert.True(await TlsBench.EchoesAsync(client));
        Assert.Equal(next.Roots[0].Subject, client.Tls.PeerCertificate!.Issuer);
        client.Close();

        async Task WriteAsync(TestCertificates mesh)
        {
            (string pem, string pemKey) = mesh.Leaf(TlsBench.ServerUri);
            await File.WriteAllTextAsync(chain, pem);
            await File.WriteAllTextAsync(key, pemKey);
            await File.WriteAllTextAsync(root, mesh.RootPem);
        }

        async Task LookAsync()
        {
            clock.Advance(TimeSpan.FromSeconds(1.1));
            await loop.YieldAsync();
            await loop.YieldAsync();
        }
    });

    /// <summary>Handshakes that began before a rotation and end after it, and those in between, all succeed.</summary>
    [Fact]
    public void Rotation_WhileHandshakesAreUnderWay_FailsNone() => LoopRunner.Run(async loop =>
    {
        var bench = new TlsBench(loop);
        Push(bench, TlsBench.Mesh, TlsBench.ServerUri);
        NetAddress address = bench.Apply(TlsMessages.Listener("l", TlsMessages.Chain("t", "c", BySds())));
        Task<TlsHandshake>[] handshakes = new Task<TlsHandshake>[24];
        for (int i = 0; i < handshakes.Length; i++)
        {
            // Slow clients: each handshake takes hundreds of turns of the loop, the rotations come one after the other in between.
            SocketStream socket = await TestPeers.ConnectAsync(loop, address);
            var slow = new Runtime.Streams.FaultyByteStream(socket, new Runtime.Streams.FaultScript { SendBytesMax = 7, ReceiveBytesMax = 11 });
            handshakes[i] = TlsClientStream.ConnectAsync(slow, TlsBench.Client() with { AllowResumption = false }).AsTask();
            if (i % 3 == 2)
            {
                bench.Fixture.Subscriptions.Push("default", new Secret
                {
                    Name = "default", TlsCertificate = TlsMessages.Certificate(TlsBench.Mesh.Leaf(TlsBench.ServerUri)),
                });
            }
        }

        var shown = new HashSet<string>();
        foreach (Task<TlsHandshake> handshake in handshakes)
        {
            TlsStream client = (await handshake).Stream!;
            Assert.True(await TlsBench.EchoesAsync(client));
            shown.Add(client.Tls.PeerCertificate!.Thumbprint);
            client.Close();
        }

        Assert.True(shown.Count > 1, "no rotation fell between two handshakes");
        Assert.Equal(handshakes.Length, bench.Stat("l", "ssl.handshake"));
        Assert.Equal(0, bench.Stat("l", "ssl.connection_error"));
    });

    [Fact]
    public void Cluster_SecretNotThere_WarmsUntilItIsAndEndsItsSubscription() => Run(async (loop, clock) =>
    {
        var bench = new TlsBench(loop);
        NetAddress server = bench.Apply(TlsMessages.Listener("up", TlsMessages.Chain("t", "c", TlsBench.Mutual())));
        Cluster cluster = TransportFixture.StaticCluster("secured", server);
        cluster.TransportSocket = TlsMessages.Socket(new UpstreamTlsContext
        {
            Sni = "server.example",
            CommonTlsContext = new CommonTlsContext
            {
                TlsCertificateSdsSecretConfigs = { TlsMessages.Sds("default") },
                CombinedValidationContext = new CommonTlsContext.Types.CombinedCertificateValidationContext
                {
                    DefaultValidationContext = new CertificateValidationContext
                    {
                        MatchTypedSubjectAltNames =
                        {
                            new SubjectAltNameMatcher
                            {
                                SanType = SubjectAltNameMatcher.Types.SanType.Uri,
                                Matcher = new Envoy.Type.Matcher.V3.StringMatcher { Exact = TlsBench.ServerUri },
                            },
                        },
                    },
                    ValidationContextSdsSecretConfig = TlsMessages.Sds("ROOTCA"),
                },
            },
        });
        Assert.Empty(bench.Fixture.Apply(cluster));
        Assert.Equal(1, bench.Fixture.Clusters.WarmingCount);
        Push(bench, TlsBench.Mesh, TlsBench.ClientUri);
        Assert.Equal(0, bench.Fixture.Clusters.WarmingCount);

        NetAddress front = bench.Apply(TlsMessages.Listener("l", TransportFixture.Chain("p", "secured")));
        SocketStream client = await TestPeers.ConnectAsync(loop, front);
        Assert.True(await TlsBench.EchoesAsync(client));
        Assert.Equal(1, bench.ClusterStat("secured", "ssl.handshake"));
        client.Close();

        Assert.Equal(2, bench.Fixture.Subscriptions.Subscribers.Count);
        bench.Fixture.Clusters.Apply([], ["secured"], []);
        clock.Advance(TimeSpan.FromMilliseconds(Proxy.Clusters.ClusterDirectory.RemovalGraceMilliseconds + 100));
        // It hears of the client's end first.
        await loop.UntilAsync(() => bench.Fixture.Subscriptions.Subscribers.Count == 0);
    });

    private static void Run(Func<EventLoop, ManualLoopClock, Task> body)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, loop => body(loop, clock));
    }

    private static DownstreamTlsContext BySds() => new()
    {
        RequireClientCertificate = true,
        CommonTlsContext = new CommonTlsContext
        {
            TlsCertificateSdsSecretConfigs = { TlsMessages.Sds("default") },
            ValidationContextSdsSecretConfig = TlsMessages.Sds("ROOTCA"),
        },
    };

    private static void Push(TlsBench bench, TestCertificates mesh, string uri)
    {
        bench.Fixture.Subscriptions.Push("default", new Secret { Name = "default", TlsCertificate = TlsMessages.Certificate(mesh.Leaf(uri)) });
        bench.Fixture.Subscriptions.Push("ROOTCA", new Secret
        {
            Name = "ROOTCA", ValidationContext = new CertificateValidationContext { TrustedCa = TlsMessages.Text(mesh.RootPem) },
        });
    }
}
