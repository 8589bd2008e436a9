using System.Text;
using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf;
using Pilotfish.Agent.Identity.Workload;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Agent.Identity;

/// <summary>
/// One secret while anybody wants it: its files are looked at every second and read again when one was replaced. Files that are missing
/// or do not fit together are waited for; the last good content stays in force. The workload's own secrets come from the authority while no
/// file of theirs is mounted. Main loop.
/// </summary>
internal sealed class SecretEntry : IIdentityWatcher
{
    private const long PollMilliseconds = 1000;

    private readonly SecretStore _store;
    private readonly string _name;
    private readonly SecretName _parsed;
    private readonly LoopTimer _timer;
    private readonly List<SecretLease> _leases = [];
    private (string Path, FileStamp? Stamp)[] _watched = [];
    private string? _saidProblem;
    private bool _hasJoined;

    public SecretEntry(SecretStore store, string name, SecretName parsed)
    {
        (_store, _name, _parsed) = (store, name, parsed);
        _timer = new LoopTimer(store.Loop, static state => ((SecretEntry)state!).Poll(), this);
    }

    public ServedSecret? Current { get; private set; }

    public void Start()
    {
        Read();
        _timer.Schedule(PollMilliseconds);
    }

    public SecretLease Lend(ISecretWatcher watcher)
    {
        var lease = new SecretLease(this, watcher);
        _leases.Add(lease);
        return lease;
    }

    public void Return(SecretLease lease)
    {
        _leases.Remove(lease);
        if (_leases.Count == 0)
        {
            Stop();
            _store.Forget(_name);
        }
    }

    public void Stop()
    {
        _timer.Cancel();
        LeaveIdentity();
    }

    public void OnIdentity() => Read();

    private void Poll()
    {
        _timer.Schedule(PollMilliseconds);
        if (Current is null || !Stamps().AsSpan().SequenceEqual(_watched))
        {
            Read();
        }
    }

    private (string Path, FileStamp? Stamp)[] Stamps() => Array.ConvertAll(Files(), static file => (file, FileStamp.Of(file)));

    /// <summary>Makes the secret anew of what there is now.</summary>
    public void Read()
    {
        // Stamped before they are read: a change in between shows at the next look.
        (string Path, FileStamp? Stamp)[] stamps = Stamps();
        if (_store.Identity is { } identity && IsIssued(stamps))
        {
            _watched = stamps;
            Take(identity, stamps[1].Path);
            return;
        }

        LeaveIdentity();
        try
        {
            Secret secret = Make(stamps[0].Path, stamps[1].Path);
            _watched = stamps;
            _saidProblem = null;
            Take(secret.ToByteString());
        }
        catch (SecretUnusableException e)
        {
            // The old stamps stay: the files are tried again at the next look, whether they change or not.
            if (_saidProblem != e.Message)
            {
                _saidProblem = e.Message;
                _store.Warn($"the secret '{_name}' is not usable: {e.Message}");
            }
        }
    }

    // A mounted pair, or mounted roots, go before the authority.
    private bool IsIssued((string Path, FileStamp? Stamp)[] stamps) => _parsed.Kind switch
    {
        SecretNameKind.WorkloadCertificate => stamps[0].Stamp is null || stamps[1].Stamp is null,
        SecretNameKind.WorkloadRoots => stamps[0].Stamp is null,
        _ => false,
    };

    private void Take(WorkloadIdentity identity, string revocationList)
    {
        if (!_hasJoined)
        {
            _hasJoined = true;
            identity.Join(this);
        }

        if (identity.Current is { } issued)
        {
            Take(Issued(issued, revocationList).ToByteString());
        }
    }

    private Secret Issued(IssuedCertificate issued, string revocationList) => _parsed.Kind == SecretNameKind.WorkloadCertificate
        ? new Secret
        {
            Name = _name,
            TlsCertificate = new TlsCertificate
            {
                CertificateChain = new DataSource { InlineBytes = issued.Chain },
                PrivateKey = new DataSource { InlineBytes = issued.Key },
            },
        }
        : SecretFileReader.Roots(_name, Encoding.UTF8.GetBytes(TrustBundle.Merge(issued.Roots, _store.TrustBundle)), revocationList);

    private void LeaveIdentity()
    {
        if (_hasJoined)
        {
            _hasJoined = false;
            _store.Identity!.Leave(this);
        }
    }

    private void Take(ByteString message)
    {
        if (Current is { } held && held.Message.Equals(message))
        {
            return;
        }

        Current = new ServedSecret(_name, message, _store.NextVersion());
        Log.Info(LogComponent.Secret, $"the secret '{_name}' has version {Current.Version}");
        foreach (SecretLease lease in _leases.ToArray())
        {
            lease.Watcher.OnSecret(Current);
        }
    }

    // Always two: chain and key, or roots and revocation list.
    private string[] Files()
    {
        SecretPaths paths = _store.Paths;
        switch (_parsed.Kind)
        {
            case SecretNameKind.CertificateFiles:
                return [_parsed.Chain, _parsed.Key];
            case SecretNameKind.RootFile:
                return [_parsed.Chain, paths.RevocationList];
            case SecretNameKind.SystemRoots:
                return [paths.SystemRoots.FirstOrDefault(File.Exists) ?? paths.SystemRoots[0], paths.RevocationList];
            case SecretNameKind.WorkloadCertificate:
                (string chain, string key, _) = Mounted(place => File.Exists(place.Chain) && File.Exists(place.Key));
                return [chain, key];
            default:
                return [Mounted(place => File.Exists(place.Roots)).Roots, paths.RevocationList];
        }
    }

    private (string Chain, string Key, string Roots) Mounted(Func<(string Chain, string Key, string Roots), bool> isThere)
    {
        foreach ((string Chain, string Key, string Roots) place in _store.Paths.Mounted)
        {
            if (isThere(place))
            {
                return place;
            }
        }

        // Of none it is the first that is named in messages; with every one given up there is none to name.
        return _store.Paths.Mounted.Count > 0 ? _store.Paths.Mounted[0] : ("", "", "");
    }

    private Secret Make(string first, string second) =>
        _parsed.Kind is SecretNameKind.WorkloadCertificate or SecretNameKind.CertificateFiles
            ? SecretFileReader.Certificate(_name, first, second)
            : SecretFileReader.Roots(_name, first, second, _parsed.Kind == SecretNameKind.WorkloadRoots ? _store.TrustBundle : "");
}
