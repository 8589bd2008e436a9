using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Agent.Identity.Workload;

/// <summary>
/// The workload's certificate from the authority: asked for when somebody first wants it, renewed in time while anybody does, tried again
/// with growing pauses while the authority is away. The one in force stays until its successor is here or it ends
/// (istio security/pkg/nodeagent/cache/secretcache.go). Main loop.
/// </summary>
internal sealed class WorkloadIdentity : ISigningEvents, IDisposable
{
    // Renewal is judged by the wall clock, which is set and stops while a machine sleeps: it is looked at this often.
    private const long LookMilliseconds = 60_000;

    // An authority whose certificates end at once must not be asked without a pause.
    private const long RenewalPauseMillisecondsMin = 1000;

    private readonly EventLoop _loop;
    private readonly IdentityOptions _options;
    private readonly IKeyMaker _keys;
    private readonly Func<double> _random;
    private readonly LoopTimer _timer;
    private readonly RetryPause _pause;
    private readonly List<IIdentityWatcher> _watchers = [];
    private SigningInputs? _inputs;
    private SigningAttempt? _attempt;
    private DateTimeOffset _renewAt;
    private string _saidUris = "";
    private bool _isStale;
    private bool _isWarming;

    public WorkloadIdentity(EventLoop loop, IdentityOptions options, IKeyMaker keys, Func<double> random)
    {
        _loop = loop;
        _options = options;
        _keys = keys;
        _random = random;
        _pause = new RetryPause(random);
        _timer = new LoopTimer(loop, static state => ((WorkloadIdentity)state!).OnTimer(), this);
        if (options.Problem is { } problem)
        {
            Phase = IdentityPhase.Over;
            Log.Error(LogComponent.Secret, $"no certificate can be asked for: {problem}");
        }
    }

    public IdentityPhase Phase { get; private set; }

    /// <summary>The certificate in force; null before the first, and after its end.</summary>
    public IssuedCertificate? Current { get; private set; }

    public IdentityStats Stats { get; } = new();

    /// <summary>From now on there is somebody to ask. Once.</summary>
    /// <param name="authority">Whom.</param>
    /// <param name="warms">Whether to ask before anybody wants a certificate: start-up is quicker, and everybody will want one.</param>
    public void AskOf(ICertificateAuthority authority, bool warms)
    {
        _inputs = new SigningInputs(_loop, _options, authority, Stats, _random);
        _isWarming = warms;
        BeginIfWanted();
    }

    /// <summary>Wants a certificate, until <see cref="Leave"/>. <see cref="Current"/> has the one of now.</summary>
    public void Join(IIdentityWatcher watcher)
    {
        _watchers.Add(watcher);
        BeginIfWanted();
    }

    /// <summary>What is in force is kept for others until its renewal is due.</summary>
    public void Leave(IIdentityWatcher watcher) => _watchers.Remove(watcher);

    /// <summary>Asks for another certificate, whatever the present one's age: what others trust has changed.</summary>
    public void Renew()
    {
        if (Phase == IdentityPhase.Holding)
        {
            Expire();
        }
        else
        {
            // What is on its way was asked for before.
            _isStale = Phase is IdentityPhase.Keying or IdentityPhase.Asking;
        }
    }

    public void OnSigned(SigningAttempt attempt, ReadOnlySpan<byte> message)
    {
        _attempt = null;
        if (CertificateAnswer.Read(message, attempt.Key, _loop.WallNow, out string problem) is not { } issued)
        {
            Fail($"{problem}.");
            return;
        }

        Take(issued);
    }

    public void OnFailed(in UnaryFailure failure)
    {
        _attempt = null;
        string advice = _inputs!.Authority.Advice(in failure) is { } text ? $" {text.TrimEnd('.')}." : "";
        Fail($"{failure.Status}: {failure.Reason}.{advice}");
    }

    public void Dispose()
    {
        Phase = IdentityPhase.Over;
        _timer.Cancel();
        _attempt?.Dispose();
        _watchers.Clear();
    }

    private bool IsWanted => _watchers.Count > 0 || _isWarming;

    private void BeginIfWanted()
    {
        if (Phase == IdentityPhase.Idle && _inputs is not null && IsWanted)
        {
            Begin();
        }
    }

    private void Begin()
    {
        Phase = IdentityPhase.Keying;
        _timer.Cancel();
        _keys.Make(OnKey);
    }

    private void OnKey(CertificateKey? key, string problem)
    {
        if (Phase != IdentityPhase.Keying)
        {
            return;
        }

        if (key is null)
        {
            Stats.Requests++;
            Fail($"no key could be made: {problem}.");
            return;
        }

        Phase = IdentityPhase.Asking;
        _attempt = new SigningAttempt(_inputs!, key, this);
        _attempt.Start();
    }

    private void Take(IssuedCertificate issued)
    {
        _isWarming = false;
        _pause.Reset();
        Current = issued;
        Stats.NotAfter = issued.NotAfter;
        _renewAt = issued.RenewAt(_options.GraceRatio, _options.GraceRatioJitter, _random());
        Log.Info(
            LogComponent.Secret,
            $"generated new workload certificate for '{_options.Identity}', valid until {issued.NotAfter.UtcDateTime:u}, to be renewed {_renewAt.UtcDateTime:u}");
        Remark(issued);
        Phase = IdentityPhase.Holding;
        if (_isStale)
        {
            _isStale = false;
            _renewAt = _loop.WallNow;
        }

        _timer.Schedule(Math.Max(RenewalPauseMillisecondsMin, NextLook(_renewAt)));
        Tell();
    }

    // An authority may give another identity than the one asked for, and clocks differ: neither makes a certificate useless by itself.
    private void Remark(IssuedCertificate issued)
    {
        string uris = LogText.Printable(string.Join("', '", issued.Uris));
        if (uris != _options.Identity.ToString() && uris != _saidUris)
        {
            Log.Warning(
                LogComponent.Secret,
                $"the certificate authority {_inputs!.Authority.Name} gave a certificate for {(uris.Length == 0 ? "no SPIFFE id" : $"'{uris}'")} "
                + $"in place of '{_options.Identity}'. Peers go by the certificate; check TRUST_DOMAIN, POD_NAMESPACE and SERVICE_ACCOUNT.");
        }

        _saidUris = uris;
        if (issued.NotBefore > _loop.WallNow)
        {
            Log.Warning(
                LogComponent.Secret,
                $"the new certificate is valid from {issued.NotBefore.UtcDateTime:u} only, and here it is {_loop.WallNow.UtcDateTime:u}: set this machine's clock right, or the authority's.");
        }
    }

    private void Fail(string problem)
    {
        Stats.Failures++;
        long pause = _pause.NextMilliseconds();
        Phase = IdentityPhase.Pausing;
        _timer.Schedule(pause);
        string present = Current is { } current
            ? $" The present one is valid until {current.NotAfter.UtcDateTime:u}."
            : " Who waits for one waits on.";
        Log.Warning(
            LogComponent.Secret,
            LogText.Printable($"the certificate authority {_inputs!.Authority.Name} gave no workload certificate: {problem}{present} Next attempt in {pause} ms."));
        DropIfEnded();
    }

    private void OnTimer()
    {
        DropIfEnded();
        if (Phase == IdentityPhase.Holding && _loop.WallNow < _renewAt)
        {
            _timer.Schedule(NextLook(_renewAt));
        }
        else if (Phase is IdentityPhase.Holding or IdentityPhase.Pausing)
        {
            Expire();
        }
    }

    private long NextLook(DateTimeOffset at) => (long)Math.Clamp((at - _loop.WallNow).TotalMilliseconds + 1, 0, LookMilliseconds);

    /// <summary>Renews for those who are there; without anybody the next one to come begins anew.</summary>
    private void Expire()
    {
        if (IsWanted)
        {
            Begin();
            return;
        }

        _timer.Cancel();
        Phase = IdentityPhase.Idle;
        Current = null;
    }

    // Who has it goes on with it. Whoever comes now waits: no peer would take it.
    private void DropIfEnded()
    {
        if (Current is { } current && current.NotAfter <= _loop.WallNow)
        {
            Current = null;
            Log.Error(
                LogComponent.Secret,
                $"the workload's certificate ended {current.NotAfter.UtcDateTime:u} and could not be renewed: peers refuse it until the certificate authority gives another.");
        }
    }

    private void Tell()
    {
        foreach (IIdentityWatcher watcher in _watchers.ToArray())
        {
            watcher.OnIdentity();
        }
    }
}
