using Google.Protobuf.WellKnownTypes;
using Istio.V1.Auth;
using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Agent.Identity.Workload;

/// <summary>
/// One certificate asked for: the same request up to five times, as long as the authority may only be busy or away
/// (istio pkg/security/retry.go). Main loop.
/// </summary>
internal sealed class SigningAttempt : IUnaryCallEvents, IDisposable
{
    private const string SignerField = "CertSigner";
    private const int CallsMax = 5;
    private const long FirstPauseMilliseconds = 100;
    private const double PauseJitter = 0.1;

    private readonly EventLoop _loop;
    private readonly ICertificateAuthority _authority;
    private readonly IdentityStats _stats;
    private readonly Func<double> _random;
    private readonly ISigningEvents _events;
    private readonly LoopTimer _timer;
    private readonly IstioCertificateRequest _request;
    private IDisposable? _call;
    private long _began;
    private int _calls;

    public SigningAttempt(SigningInputs inputs, CertificateKey key, ISigningEvents events)
    {
        _loop = inputs.Loop;
        _authority = inputs.Authority;
        _stats = inputs.Stats;
        _random = inputs.Random;
        _events = events;
        Key = key;
        _timer = new LoopTimer(inputs.Loop, static state => ((SigningAttempt)state!).Call(), this);
        _request = new IstioCertificateRequest
        {
            Csr = key.SigningRequest,
            ValidityDuration = (long)inputs.Options.Lifetime.TotalSeconds,

            // Sent without a signer as well: so Istio's agent does.
            Metadata = new Struct { Fields = { [SignerField] = Value.ForString(inputs.Options.Signer) } },
        };
    }

    public CertificateKey Key { get; }

    public void Start()
    {
        _stats.Requests++;
        _began = _loop.NowMilliseconds;
        Call();
    }

    public void OnResponse(ReadOnlySpan<byte> message)
    {
        Over();
        _events.OnSigned(this, message);
    }

    public void OnFailure(in UnaryFailure failure)
    {
        _call = null;
        if (!MayPass(failure.Status) || _calls >= CallsMax)
        {
            Over();
            _events.OnFailed(in failure);
            return;
        }

        double pause = (FirstPauseMilliseconds << (_calls - 1)) * (1 + (PauseJitter * ((2 * _random()) - 1)));
        _stats.Retries++;
        Log.Debug(LogComponent.Secret, $"the certificate authority {_authority.Name}: {failure.Status}, call {_calls + 1} in {(long)pause} ms");
        _timer.Schedule((long)pause);
    }

    /// <summary>Gives it up without an event.</summary>
    public void Dispose()
    {
        _timer.Cancel();
        _call?.Dispose();
    }

    // What a second call may change. The others are answers.
    private static bool MayPass(GrpcStatusCode status) => status is GrpcStatusCode.Cancelled or GrpcStatusCode.DeadlineExceeded
        or GrpcStatusCode.ResourceExhausted or GrpcStatusCode.Aborted or GrpcStatusCode.Internal or GrpcStatusCode.Unavailable;

    private void Over()
    {
        _call = null;
        _stats.LatencyMilliseconds += _loop.NowMilliseconds - _began;
    }

    private void Call()
    {
        int call = ++_calls;
        IDisposable made = _authority.Sign(_request, this);

        // A call that failed at once has been followed by a pause: it is not the one to give up.
        if (call == _calls && !_timer.IsScheduled)
        {
            _call = made;
        }
    }
}
