using Google.Protobuf;
using Istio.V1.Auth;
using Pilotfish.Agent.Identity.Workload;
using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;

namespace Pilotfish.Agent.Tests.Identity.Workload;

/// <summary>An authority in memory whose answers the test chooses: at once, or when told.</summary>
internal sealed class FakeAuthority(EventLoop loop) : ICertificateAuthority
{
    public TestCertificates Root { get; set; } = new();

    public TimeSpan Life { get; set; } = TimeSpan.FromHours(24);

    /// <summary>The identity that is given in place of the one asked for.</summary>
    public string? OtherIdentity { get; set; }

    /// <summary>Calls fail with it while it is set.</summary>
    public GrpcStatusCode? Failure { get; set; }

    /// <summary>Answers in place of a good one.</summary>
    public Func<IstioCertificateRequest, byte[]>? Answer { get; set; }

    /// <summary>Calls wait until <see cref="Release"/>.</summary>
    public bool Holds { get; set; }

    public List<IstioCertificateRequest> Requests { get; } = [];

    public List<long> Times { get; } = [];

    private readonly List<Action> _held = [];

    public string Name => "ca.test:15012";

    public IDisposable Sign(IstioCertificateRequest request, IUnaryCallEvents events)
    {
        Requests.Add(request);
        Times.Add(loop.NowMilliseconds);
        var call = new Call();
        Action answer = () =>
        {
            if (!call.IsGivenUp)
            {
                Reply(request, events);
            }
        };
        if (Holds)
        {
            _held.Add(answer);
        }
        else
        {
            answer();
        }

        return call;
    }

    public string? Advice(in UnaryFailure failure) => failure.Status == GrpcStatusCode.PermissionDenied ? "Check the token" : null;

    public void Release()
    {
        Action[] held = [.. _held];
        _held.Clear();
        foreach (Action answer in held)
        {
            answer();
        }
    }

    public IstioCertificateResponse Good(IstioCertificateRequest request) => new()
    {
        CertChain = { Root.Sign(request.Csr, loop.WallNow.AddMinutes(-2), loop.WallNow + Life, OtherIdentity), Root.RootPem },
    };

    private void Reply(IstioCertificateRequest request, IUnaryCallEvents events)
    {
        if (Failure is { } status)
        {
            events.OnFailure(new UnaryFailure(status, "as the test wants it", null));
            return;
        }

        events.OnResponse(Answer?.Invoke(request) ?? Good(request).ToByteArray());
    }

    private sealed class Call : IDisposable
    {
        public bool IsGivenUp { get; private set; }

        public void Dispose() => IsGivenUp = true;
    }
}
