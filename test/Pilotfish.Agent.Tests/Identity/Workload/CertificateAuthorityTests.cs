using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Cluster.V3;
using Istio.V1.Auth;
using Pilotfish.Agent.Bootstrap;
using Pilotfish.Agent.Discovery;
using Pilotfish.Agent.Identity.Workload;
using Pilotfish.Api.Names;
using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http2.InternalServer;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;

namespace Pilotfish.Agent.Tests.Identity.Workload;

/// <summary>The call itself: the data plane's client against a server on a loopback socket.</summary>
public sealed class CertificateAuthorityTests
{
    private const string Path = "/istio.v1.auth.IstioCertificateService/CreateCertificate";

    [Fact]
    public void Certificate_ComesOverTheWire() => Run(async (loop, server, start) =>
    {
        var root = new TestCertificates();
        server.Add(Path, call => new Handler(call, request =>
        {
            DateTimeOffset now = loop.WallNow;
            call.TrySend(new IstioCertificateResponse { CertChain = { root.Sign(request.Csr, now.AddMinutes(-2), now.AddHours(1)), root.RootPem } });
            call.End(GrpcStatusCode.Ok);
        }));
        WorkloadIdentity identity = start();
        await loop.UntilAsync(() => identity.Current is not null);
        Assert.Equal(["spiffe://td/ns/a/sa/b"], identity.Current!.Uris);
    });

    [Fact]
    public void Connection_IsClosedOnceTheCertificateIsThere()
    {
        var clock = new ManualLoopClock();
        Run(
            async (loop, server, start) =>
            {
                var root = new TestCertificates();
                server.Add(Path, call => new Handler(call, request =>
                {
                    DateTimeOffset now = loop.WallNow;
                    call.TrySend(new IstioCertificateResponse { CertChain = { root.Sign(request.Csr, now, now.AddHours(1)), root.RootPem } });
                    call.End(GrpcStatusCode.Ok);
                }));
                WorkloadIdentity identity = start();
                await loop.UntilAsync(() => identity.Current is not null);
                Assert.Equal(1, server.ConnectionCount);

                // The client's own limit: no ping is due yet, and the server would wait for minutes.
                for (int i = 0; i < 12; i++)
                {
                    clock.Advance(TimeSpan.FromSeconds(1));
                    await loop.YieldAsync();
                }

                await loop.UntilAsync(() =>
                {
                    clock.Advance(TimeSpan.FromMilliseconds(1));
                    return server.ConnectionCount == 0;
                });

                // Renewal dials again.
                identity.Join(new IdentityBench.Watcher());
                identity.Renew();
                await loop.UntilAsync(() => identity.Stats.Requests == 2 && identity.Phase == IdentityPhase.Holding);
            },
            clock);
    }

    [Fact]
    public void Refusal_CarriesItsStatus_AndWhatToCheck() => Run(async (loop, server, start) =>
    {
        server.Add(Path, call => new Handler(call, _ => call.End(GrpcStatusCode.PermissionDenied, "no\nsuch caller")));
        WorkloadIdentity identity = start();
        await loop.UntilAsync(() => identity.Stats.Failures == 1);
        Assert.Equal((IdentityPhase.Pausing, 0L), (identity.Phase, identity.Stats.Retries));
    });

    [Fact]
    public void AnswerOfTenMegabytes_IsNotHeld() => Run(async (loop, server, start) =>
    {
        server.Add(Path, call => new Handler(call, _ =>
        {
            call.TrySend(new IstioCertificateResponse { CertChain = { new string('x', 10 * 1024 * 1024), "y" } });
            call.End(GrpcStatusCode.Ok);
        }));
        WorkloadIdentity identity = start();
        await loop.UntilAsync(() => identity.Stats.Retries + identity.Stats.Failures > 0);
        Assert.Null(identity.Current);
    });

    [Fact]
    public void ServerWithoutTheService_AndNoServer_AreFailures()
    {
        Run(async (loop, _, start) =>
        {
            WorkloadIdentity identity = start();
            await loop.UntilAsync(() => identity.Stats.Failures == 1);
            Assert.Equal(0, identity.Stats.Retries);
        });
        Run(async (loop, server, start) =>
        {
            server.Close();
            WorkloadIdentity identity = start();
            await loop.UntilAsync(() => identity.Stats.Retries > 0);
            identity.Dispose();
        });
    }

    [Fact]
    public void End_WhileTheServerThinks_ResetsTheCall() => Run(async (loop, server, start) =>
    {
        var handlers = new List<Handler>();
        server.Add(Path, call =>
        {
            var handler = new Handler(call, _ => { });
            handlers.Add(handler);
            return handler;
        });
        WorkloadIdentity identity = start();
        await loop.UntilAsync(() => handlers is [{ HasRequest: true }]);
        identity.Dispose();
        await loop.UntilAsync(() => handlers[0].IsCancelled);
    });

    [Theory]
    [InlineData(GrpcStatusCode.PermissionDenied, "'/token'")]
    [InlineData(GrpcStatusCode.Unauthenticated, "ISTIO_META_CLUSTER_ID")]
    [InlineData(GrpcStatusCode.Unimplemented, "CA_ADDR")]
    [InlineData(GrpcStatusCode.InvalidArgument, "SECRET_TTL")]
    [InlineData(GrpcStatusCode.Internal, null)]
    public void Advice_NamesWhatToCheck(GrpcStatusCode status, string? part)
    {
        string? advice = Authority(new FakeDataPlane(), 1, () => DateTimeOffset.UnixEpoch).Advice(new UnaryFailure(status, "", null));
        Assert.Equal(part is not null, advice is not null);
        Assert.Contains(part ?? "", advice ?? "", StringComparison.Ordinal);
    }

    [Fact]
    public void RefusedCertificateOfTheAuthority_NamesItsOwnSettings()
    {
        var failure = new UnaryFailure(
            GrpcStatusCode.Unavailable, "", "TLS_error:|CERTIFICATE_VERIFY_FAILED:verify cert failed: certificate verification error at depth 1: self signed");
        Assert.Contains("CA_ROOT_CA", Authority(new FakeDataPlane(), 1, () => DateTimeOffset.UnixEpoch).Advice(failure), StringComparison.Ordinal);
    }

    private static CertificateAuthority Authority(FakeDataPlane dataPlane, int port, Func<DateTimeOffset> now)
    {
        DiscoveryTarget target = AuthorityTarget.Of("unused", new AgentEnvironment(new Dictionary<string, string>())) with
        {
            Address = $"127.0.0.1:{port}", IsTls = false, TokenFile = "/token",
        };
        return new CertificateAuthority(target, new DiscoveryChannel(target, new Cluster { Name = ControlPlaneNames.CaClusterName }, now), dataPlane);
    }

    private static void Run(Func<EventLoop, InternalGrpcServer, Func<WorkloadIdentity>, Task> body, ManualLoopClock? clock = null) => LoopRunner.Run(
        clock is null ? new EventLoopOptions { Name = "test" } : new EventLoopOptions { Name = "test", Clock = clock }, async loop =>
    {
        var server = new InternalGrpcServer(loop, new GrpcServerLimits { MessageBytes = 32 * 1024 * 1024 });
        Assert.Equal(IoError.None, server.Listen(NetAddress.Loopback(0), out NetAddress bound));
        using ProxyApp app = ProxyApp.Build(
            new ProxyInputs { MainLoop = loop, Bootstrap = new Envoy.Config.Bootstrap.V3.Bootstrap(), Options = new ServeOptions { Concurrency = 1 } });
        using var keys = new KeyMaker(loop, IdentityBench.Options.Key, IdentityBench.Options.Identity);
        using var identity = new WorkloadIdentity(loop, IdentityBench.Options, keys, () => 0.5);
        CertificateAuthority authority = Authority(new FakeDataPlane { OnCall = app.Call }, bound.Port, () => loop.WallNow);
        await body(loop, server, () =>
        {
            identity.AskOf(authority, warms: true);
            return identity;
        });
        server.Close();
    });

    private sealed class Handler(GrpcServerCall call, Action<IstioCertificateRequest> answer) : IGrpcCallHandler
    {
        public bool HasRequest { get; private set; }

        public bool IsCancelled { get; private set; }

        public void OnMessage(ReadOnlySpan<byte> message)
        {
            HasRequest = true;
            answer(IstioCertificateRequest.Parser.ParseFrom(message));
        }

        public void OnRequestEnd()
        {
        }

        public void OnWritable()
        {
        }

        public void OnCancelled() => IsCancelled = !call.IsEnded || HasRequest;
    }
}
