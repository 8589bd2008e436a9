using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Istio.V1.Auth;
using Pilotfish.Agent.Identity.Workload;
using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Testing;

namespace Pilotfish.Agent.Tests.Identity.Workload;

/// <summary>When the workload's certificate is asked for, renewed and given up; time is the test's.</summary>
public sealed class WorkloadIdentityTests
{
    [Fact]
    public void Certificate_IsAskedForByTheFirstWhoWantsIt_AndServesAll() => IdentityBench.Run(bench =>
    {
        bench.Ask();
        Assert.Empty(bench.Authority.Requests);

        IdentityBench.Watcher first = bench.Join();
        IdentityBench.Watcher second = bench.Join();

        IstioCertificateRequest request = Assert.Single(bench.Authority.Requests);
        Assert.Equal((86_400, "signer.test"), (request.ValidityDuration, request.Metadata.Fields["CertSigner"].StringValue));
        Assert.Equal((1, 0), (first.Count, second.Count));
        IssuedCertificate issued = bench.Identity.Current!;
        using X509Certificate2 pair = X509Certificate2.CreateFromPem(issued.Chain.ToStringUtf8(), issued.Key.ToStringUtf8());
        Assert.True(pair.HasPrivateKey);
        Assert.Equal(["spiffe://td/ns/a/sa/b"], issued.Uris);
        Assert.EndsWith(bench.Authority.Root.RootPem, issued.Chain.ToStringUtf8().TrimEnd(), StringComparison.Ordinal);
        Assert.Equal(bench.Authority.Root.RootPem, issued.Roots);
    });

    [Fact]
    public void WhoWantsIt_BeforeThereIsAnAuthority_Waits() => IdentityBench.Run(bench =>
    {
        IdentityBench.Watcher watcher = bench.Join();
        Assert.Equal(IdentityPhase.Idle, bench.Identity.Phase);

        bench.Ask();

        Assert.Equal(1, watcher.Count);
    });

    [Fact]
    public void Warming_AsksBeforeAnybodyDoes_AndOnlyOnce() => IdentityBench.Run(bench =>
    {
        bench.Ask(warms: true);
        Assert.NotNull(bench.Identity.Current);

        bench.Pass(TimeSpan.FromHours(13));

        // Nobody came: it is given up and not renewed.
        Assert.Single(bench.Authority.Requests);
        Assert.Null(bench.Identity.Current);
        bench.Join();
        Assert.Equal(2, bench.Authority.Requests.Count);
    });

    [Fact]
    public void Renewal_ComesAtHalfItsLife_WithAnotherKey() => IdentityBench.Run(bench =>
    {
        bench.Ask();
        IdentityBench.Watcher watcher = bench.Join();
        bench.Pass(TimeSpan.FromHours(11.99));
        Assert.Single(bench.Authority.Requests);
        IssuedCertificate first = bench.Identity.Current!;

        bench.Pass(TimeSpan.FromMinutes(2));

        Assert.Equal(2, bench.Authority.Requests.Count);
        Assert.Equal(2, watcher.Count);
        Assert.NotEqual(first.Key, bench.Identity.Current!.Key);
        Assert.Equal(bench.Identity.Current.NotAfter, bench.Identity.Stats.NotAfter);
    });

    [Theory]
    [InlineData(0.5, 0.01, 0.5, 12.0)]
    [InlineData(0.5, 0.01, 1.0, 11.76)]
    [InlineData(0.5, 0.01, 0.0, 12.24)]
    [InlineData(0.1, 0.0, 0.5, 21.6)]
    [InlineData(1.5, 0.0, 0.5, 0.0)]
    [InlineData(-1, 0.0, 0.5, 24.0)]
    public void MomentOfRenewal_FollowsRatioAndJitter(double ratio, double jitter, double random, double hours)
    {
        var now = new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
        var issued = new IssuedCertificate
        {
            Chain = ByteString.Empty, Key = ByteString.Empty, Roots = "", Received = now, NotBefore = now.AddHours(-1), NotAfter = now.AddHours(24), Uris = [],
        };

        Assert.Equal(hours, (issued.RenewAt(ratio, jitter, random) - now).TotalHours, 6);
    }

    [Fact]
    public void RatioThatRenewsAtOnce_IsSlowedDown() => IdentityBench.Run(
        bench =>
        {
            bench.Ask();
            bench.Join();
            bench.Pass(TimeSpan.FromSeconds(20));
            bench.Pass(TimeSpan.FromSeconds(20));
            Assert.InRange(bench.Authority.Requests.Count, 2, 3);
        },
        IdentityBench.Options with { GraceRatio = 1 });

    [Fact]
    public void AuthorityThatIsAway_IsCalledFiveTimes_ThenAfterGrowingPauses() => IdentityBench.Run(bench =>
    {
        bench.Authority.Failure = GrpcStatusCode.Unavailable;
        bench.Ask();
        bench.Join();
        for (int i = 0; i < 300; i++)
        {
            bench.Clock.AdvanceMilliseconds(10);
            bench.Turn();
        }

        // 100, 200, 400 and 800 ms between the calls of an attempt, then half a second.
        List<long> times = bench.Authority.Times;
        long[] pauses = [.. times.Zip(times.Skip(1), (before, after) => after - before).Take(6)];
        long[] expected = [100, 200, 400, 800, 500, 100];
        Assert.All(pauses.Zip(expected), pair => Assert.InRange(pair.First, pair.Second, pair.Second + 10));
        Assert.All(bench.Authority.Requests.Take(5), request => Assert.Equal(bench.Authority.Requests[0].Csr, request.Csr));
        Assert.NotEqual(bench.Authority.Requests[0].Csr, bench.Authority.Requests[5].Csr);
        Assert.Equal((2, 1), (bench.Identity.Stats.Requests, bench.Identity.Stats.Failures));
        Assert.InRange(bench.Identity.Stats.Retries, 7, 8);
        Assert.InRange(bench.Identity.Stats.LatencyMilliseconds, 1500, 1600);
    });

    [Theory]
    [InlineData(GrpcStatusCode.PermissionDenied)]
    [InlineData(GrpcStatusCode.Unauthenticated)]
    [InlineData(GrpcStatusCode.InvalidArgument)]
    [InlineData(GrpcStatusCode.Unimplemented)]
    [InlineData(GrpcStatusCode.FailedPrecondition)]
    public void Refusal_IsNotRepeatedAtOnce(GrpcStatusCode status) => IdentityBench.Run(bench =>
    {
        bench.Authority.Failure = status;
        bench.Ask();
        IdentityBench.Watcher watcher = bench.Join();
        Assert.Single(bench.Authority.Requests);
        Assert.Equal((IdentityPhase.Pausing, 0L), (bench.Identity.Phase, bench.Identity.Stats.Retries));

        // What it refused may be put right, such as a token that has ended.
        bench.Authority.Failure = null;
        bench.Pass(TimeSpan.FromSeconds(1));
        Assert.Equal(1, watcher.Count);
    });

    [Fact]
    public void PausesBetweenAttempts_GrowToAMinuteAndNoFurther()
    {
        var pause = new RetryPause(() => 0.5);
        long[] pauses = [.. Enumerable.Range(0, 20).Select(_ => pause.NextMilliseconds())];
        Assert.Equal([500, 750, 1125], pauses[..3]);
        Assert.Equal(60_000, pauses[^1]);
        pause.Reset();
        Assert.Equal(500, pause.NextMilliseconds());
        Assert.Equal(250, new RetryPause(() => 0).NextMilliseconds());
        Assert.Equal(750, new RetryPause(() => 1).NextMilliseconds());
    }

    [Fact]
    public void OutageOfHours_LeavesTheCertificateInForce_UntilTheAuthorityIsBack() => IdentityBench.Run(bench =>
    {
        bench.Ask();
        IdentityBench.Watcher watcher = bench.Join();
        IssuedCertificate first = bench.Identity.Current!;
        bench.Authority.Failure = GrpcStatusCode.Unavailable;

        bench.Pass(TimeSpan.FromHours(23));
        Assert.Same(first, bench.Identity.Current);

        // Eleven hours of it cost the authority five calls a minute at most.
        Assert.InRange(bench.Authority.Requests.Count, 500, 11 * 60 * 5);
        bench.Authority.Failure = null;
        bench.Pass(TimeSpan.FromMinutes(2));
        Assert.Equal(2, watcher.Count);
        Assert.NotSame(first, bench.Identity.Current);
    });

    [Fact]
    public void Certificate_ThatEndsWithoutASuccessor_IsServedToNobodyNew() => IdentityBench.Run(bench =>
    {
        bench.Ask();
        bench.Join();
        bench.Authority.Failure = GrpcStatusCode.PermissionDenied;

        bench.Pass(TimeSpan.FromHours(24.1));

        Assert.Null(bench.Identity.Current);
        Assert.True(bench.Identity.Stats.NotAfter < bench.Clock.WallNow);
        bench.Authority.Failure = null;
        bench.Pass(TimeSpan.FromMinutes(2));
        Assert.NotNull(bench.Identity.Current);
    });

    [Theory]
    [InlineData("garbage")]
    [InlineData("nothing")]
    [InlineData("no root")]
    [InlineData("no PEM")]
    [InlineData("no PEM as root")]
    [InlineData("another key")]
    [InlineData("ended")]
    public void AnswerOfNoUse_IsNotTaken_AndAskedForAgain(string fault) => IdentityBench.Run(bench =>
    {
        FakeAuthority authority = bench.Authority;
        string csr = CertificateKey.Make(IdentityBench.Options.Key, IdentityBench.Options.Identity).SigningRequest;
        DateTimeOffset now = bench.Clock.WallNow;
        authority.Answer = request => fault switch
        {
            "garbage" => [0xff, 0xff, 0xff],
            "nothing" => [],
            "no root" => new IstioCertificateResponse { CertChain = { authority.Good(request).CertChain[0] } }.ToByteArray(),
            "no PEM" => new IstioCertificateResponse { CertChain = { "leaf", authority.Root.RootPem } }.ToByteArray(),
            "no PEM as root" => new IstioCertificateResponse { CertChain = { authority.Good(request).CertChain[0], "-----BEGIN CERTIFICATE-----\nnope\n-----END CERTIFICATE-----" } }.ToByteArray(),
            "another key" => new IstioCertificateResponse { CertChain = { authority.Root.Sign(csr, now, now.AddHours(1)), authority.Root.RootPem } }.ToByteArray(),
            _ => new IstioCertificateResponse { CertChain = { authority.Root.Sign(request.Csr, now.AddHours(-2), now.AddHours(-1)), authority.Root.RootPem } }.ToByteArray(),
        };
        bench.Ask();
        IdentityBench.Watcher watcher = bench.Join();
        Assert.Equal((0, 1L, 1L), (watcher.Count, bench.Identity.Stats.Requests, bench.Identity.Stats.Failures));
        Assert.Null(bench.Identity.Current);

        authority.Answer = null;
        bench.Pass(TimeSpan.FromSeconds(1));
        Assert.Equal(1, watcher.Count);
    });

    [Fact]
    public void AnotherIdentity_IsTheAuthoritysToGive() => IdentityBench.Run(bench =>
    {
        bench.Authority.OtherIdentity = "spiffe://elsewhere/ns/x/sa/y";
        bench.Ask();
        Assert.Equal(1, bench.Join().Count);
        Assert.Equal(["spiffe://elsewhere/ns/x/sa/y"], bench.Identity.Current!.Uris);
    });

    [Fact]
    public void CertificateOfAClockAhead_IsTaken() => IdentityBench.Run(bench =>
    {
        FakeAuthority authority = bench.Authority;
        DateTimeOffset now = bench.Clock.WallNow;
        authority.Answer = request => new IstioCertificateResponse
        {
            CertChain = { authority.Root.Sign(request.Csr, now.AddMinutes(5), now.AddHours(5)), authority.Root.RootPem },
        }.ToByteArray();
        bench.Ask();
        Assert.Equal(1, bench.Join().Count);
    });

    [Fact]
    public void WallClock_ThatIsSetForward_BringsTheRenewalWithinAMinute() => IdentityBench.Run(bench =>
    {
        bench.Ask();
        bench.Join();
        bench.Pass(TimeSpan.FromMinutes(1));
        bench.Clock.JumpWall(TimeSpan.FromHours(13));
        bench.Pass(TimeSpan.FromSeconds(61));
        Assert.Equal(2, bench.Authority.Requests.Count);
    });

    [Fact]
    public void Renew_WhileOneIsAskedFor_AsksOnceMore() => IdentityBench.Run(bench =>
    {
        bench.Authority.Holds = true;
        bench.Ask();
        bench.Join();
        bench.Identity.Renew();
        bench.Authority.Holds = false;
        bench.Authority.Release();
        bench.Pass(TimeSpan.FromSeconds(2));
        Assert.Equal(2, bench.Authority.Requests.Count);

        bench.Identity.Renew();
        Assert.Equal(3, bench.Authority.Requests.Count);
        bench.Pass(TimeSpan.FromSeconds(40));
        Assert.Equal(3, bench.Authority.Requests.Count);
    });

    [Fact]
    public void End_GivesTheCallUp() => IdentityBench.Run(bench =>
    {
        bench.Authority.Holds = true;
        bench.Ask();
        IdentityBench.Watcher watcher = bench.Join();
        bench.Identity.Dispose();
        bench.Authority.Release();
        Assert.Equal((0, IdentityPhase.Over), (watcher.Count, bench.Identity.Phase));
    });

    [Fact]
    public void SettingsThatAllowNoKey_AskNobody() => IdentityBench.Run(
        bench =>
        {
            bench.Ask(warms: true);
            bench.Join();
            Assert.Empty(bench.Authority.Requests);
        },
        IdentityBench.Options with { Key = new KeyOptions { Problem = "no such key." } });

    [Fact]
    public void RsaKey_IsMadeBesideTheLoop()
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, async loop =>
        {
            IdentityOptions options = IdentityBench.Options with { Key = new KeyOptions() };
            using var keys = new KeyMaker(loop, options.Key, options.Identity);
            using var identity = new WorkloadIdentity(loop, options, keys, () => 0.5);
            var authority = new FakeAuthority(loop);
            identity.AskOf(authority, warms: true);
            Assert.Equal((IdentityPhase.Keying, 0), (identity.Phase, authority.Requests.Count));
            await loop.UntilAsync(() => identity.Current is not null);
            Assert.StartsWith("-----BEGIN RSA PRIVATE KEY-----", identity.Current!.Key.ToStringUtf8(), StringComparison.Ordinal);
        });
    }
}
