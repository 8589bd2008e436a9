using System.Globalization;
using Pilotfish.Agent.Bootstrap;
using Pilotfish.Agent.Identity.Workload;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Agent.Identity;

/// <summary>
/// The secrets that the agent serves, each read while somebody wants it and forgotten afterwards: to the data plane in this process, and to
/// the clients of <see cref="SdsServer"/>. Main loop.
/// </summary>
internal sealed class SecretStore : ISubscriptions, IDisposable
{
    // Any process of the pod may ask for any file's name: a thousand that are not there are no thousand lines.
    private const int WarningsPerPeriodMax = 16;
    private const long WarningPeriodMilliseconds = 60_000;

    private readonly Dictionary<string, SecretEntry> _entries = new(StringComparer.Ordinal);
    private readonly bool _onlyFiles;
    private ulong _versions;
    private long _periodEnd;
    private int _warnings;

    /// <param name="loop">The main loop.</param>
    /// <param name="paths">Where files are looked for.</param>
    /// <param name="onlyFiles">Whether the workload's own certificate and roots come from somebody else: only names of files are served then.</param>
    /// <param name="identity">The certificate from the authority, which counts where no file is mounted; null to wait for the file.</param>
    public SecretStore(EventLoop loop, SecretPaths paths, bool onlyFiles, WorkloadIdentity? identity = null)
    {
        Loop = loop;
        Paths = paths;
        _onlyFiles = onlyFiles;
        Identity = identity;
    }

    public EventLoop Loop { get; }

    public SecretPaths Paths { get; }

    public WorkloadIdentity? Identity { get; }

    /// <summary>PEM of roots that the control plane wants trusted besides the workload's own; empty for none.</summary>
    public string TrustBundle { get; private set; } = "";

    /// <summary>How often files turned out not to be usable.</summary>
    public long FileFailures { get; private set; }

    /// <summary>Whether the workload's certificate is mounted now.</summary>
    public bool HasMountedCertificate => Paths.Mounted.Any(static place => File.Exists(place.Chain) && File.Exists(place.Key));

    /// <summary>How many secrets are followed.</summary>
    public int Count => _entries.Count;

    /// <summary>
    /// Watches a secret until the lease is disposed; the watcher hears of later versions, <see cref="SecretLease.Current"/> has the one of
    /// now. Null when nothing is served under the name.
    /// </summary>
    public SecretLease? Watch(string name, ISecretWatcher watcher)
    {
        if (!SecretName.TryParse(name, out SecretName parsed)
            || (_onlyFiles && parsed.Kind is SecretNameKind.WorkloadCertificate or SecretNameKind.WorkloadRoots))
        {
            return null;
        }

        if (_entries.TryGetValue(name, out SecretEntry? entry))
        {
            return entry.Lend(watcher);
        }

        entry = new SecretEntry(this, name, parsed);
        _entries.Add(name, entry);
        entry.Start();
        return entry.Lend(watcher);
    }

    /// <summary>
    /// Trusts other roots besides the workload's own from now on. As with Istio the certificate is renewed, too: an authority that changes
    /// its root says so in this way.
    /// </summary>
    public void Trust(string bundle)
    {
        if (bundle == TrustBundle)
        {
            return;
        }

        TrustBundle = bundle;
        _entries.GetValueOrDefault(Secrets.Roots)?.Read();
        Identity?.Renew();
    }

    public IDisposable Subscribe(ResourceType type, string name, IResourceConsumer consumer)
    {
        var subscriber = new Subscriber(consumer);
        SecretLease? lease = type == ResourceType.Secret ? Watch(name, subscriber) : null;
        if (lease is null)
        {
            // As with a server that knows nothing of it: its owner's initial_fetch_timeout goes by.
            Log.Warning(LogComponent.Secret, $"the configuration asks for the secret '{name}', which the agent does not serve");
            return subscriber;
        }

        subscriber.Lease = lease;
        if (lease.Current is { } secret)
        {
            subscriber.OnSecret(secret);
        }

        return subscriber;
    }

    public void Dispose()
    {
        foreach (SecretEntry entry in _entries.Values)
        {
            entry.Stop();
        }

        _entries.Clear();
    }

    /// <summary>As Istio's agent words it: time and number.</summary>
    internal string NextVersion() =>
        string.Create(CultureInfo.InvariantCulture, $"{Loop.WallNow:yyyy-MM-ddTHH:mm:ssZ}/{++_versions}");

    /// <summary>Counts a problem of a file and logs it, unless there were too many lately.</summary>
    internal void Warn(string problem)
    {
        FileFailures++;
        if (Loop.NowMilliseconds >= _periodEnd)
        {
            _periodEnd = Loop.NowMilliseconds + WarningPeriodMilliseconds;
            _warnings = 0;
        }

        if (_warnings++ < WarningsPerPeriodMax)
        {
            Log.Warning(LogComponent.Secret, $"{problem}");
        }
    }

    internal void Forget(string name) => _entries.Remove(name);

    private sealed class Subscriber(IResourceConsumer consumer) : ISecretWatcher, IDisposable
    {
        public SecretLease? Lease { get; set; }

        public void OnSecret(ServedSecret secret)
        {
            try
            {
                consumer.OnResource(secret.Name, secret.Message.Memory, secret.Version);
            }
            catch (ConfigRejectedException e)
            {
                // Nobody to send a NACK to: the last good version stays, as over the wire.
                Log.Warning(LogComponent.Secret, $"the secret '{secret.Name}' is refused: {e.Message}");
            }
        }

        public void Dispose() => Lease?.Dispose();
    }
}
