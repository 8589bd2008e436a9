using Envoy.Extensions.TransportSockets.Tls.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Listeners;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Proxy.Tls;

/// <summary>
/// Secrets by what names them: every cluster and listener of a mesh asks for the same certificate and the same roots, and reading them costs
/// milliseconds and tens of kilobytes each time. One subscription and one slot serve all who ask in the same words. Main loop.
/// </summary>
internal sealed class SharedSecrets
{
    private readonly Dictionary<SecretUse, SharedSecret> _shared = [];
    private readonly TrustAnchors _anchors = new();

    /// <summary>How many secrets are followed.</summary>
    public int Count => _shared.Count;

    /// <summary>
    /// The certificate that a config names; <paramref name="warming"/> waits for it, the lease goes to <paramref name="owned"/>. With
    /// <paramref name="demandsStaple"/> one without an OCSP response is refused.
    /// </summary>
    public CertificateSlot Certificate(
        SdsSecretConfig config, bool demandsStaple, EventLoop loop, ISubscriptions subscriptions, Warming warming,
        ICollection<IDisposable> owned)
    {
        SharedSecret secret = Join(new SecretUse(config, null, demandsStaple), loop, subscriptions, files =>
        {
            var updates = new SecretUpdates();
            var slot = new CertificateSlot(config.Name) { Updates = updates };
            return (slot, secret =>
            {
                TlsCertificate certificate = secret.TlsCertificate
                    ?? throw new ConfigRejectedException("tls_certificate", $"secret '{secret.Name}' is no certificate");
                CertificateReader.CheckFields(certificate, "tls_certificate");
                files.Load(
                    () => slot.Set(CertificateReader.Read(certificate, "tls_certificate", demandsStaple)), certificate.WatchedDirectory,
                    CertificateReader.Sources(certificate));
                updates.Count();
            });
        });
        Lend(secret, config.Name, warming, owned);
        return (CertificateSlot)secret.Slot;
    }

    /// <summary>The same for what judges peers: the secret is merged over <paramref name="defaults"/>.</summary>
    public TrustSlot Trust(
        SdsSecretConfig config, CertificateValidationContext defaults, EventLoop loop, ISubscriptions subscriptions, Warming warming,
        ICollection<IDisposable> owned)
    {
        SharedSecret secret = Join(new SecretUse(config, defaults, false), loop, subscriptions, files =>
        {
            var updates = new SecretUpdates();
            var slot = new TrustSlot(config.Name) { Updates = updates };
            return (slot, secret =>
            {
                // As protobuf merges: lists are appended.
                CertificateValidationContext merged = defaults.Clone();
                merged.MergeFrom(secret.ValidationContext
                    ?? throw new ConfigRejectedException("validation_context", $"secret '{secret.Name}' is no validation context"));
                files.Load(
                    () => slot.Set(ValidationCompiler.Compile(merged, "validation_context", _anchors)), merged.WatchedDirectory,
                    ValidationCompiler.Sources(merged));
                updates.Count();
            });
        });
        Lend(secret, config.Name, warming, owned);
        return (TrustSlot)secret.Slot;
    }

    private SharedSecret Join(
        SecretUse use, EventLoop loop, ISubscriptions subscriptions, Func<SecretFiles, (object Slot, Action<Secret> Apply)> make)
    {
        if (!_shared.TryGetValue(use, out SharedSecret? secret))
        {
            var files = new SecretFiles(loop);
            (object slot, Action<Secret> apply) = make(files);
            secret = new SharedSecret(use, slot, files, apply);
            // Refuses a source that cannot be asked; nothing is kept then.
            secret.Start(subscriptions);
            _shared.Add(use, secret);
        }

        secret.Users++;
        return secret;
    }

    private void Lend(SharedSecret secret, string name, Warming warming, ICollection<IDisposable> owned)
    {
        owned.Add(new Lease(this, secret));
        if (!secret.IsKnown)
        {
            secret.Waiting.Add(warming.Add("secret " + name));
        }
    }

    private void Return(SharedSecret secret)
    {
        if (--secret.Users == 0)
        {
            _shared.Remove(secret.Use);
            secret.Dispose();
        }
    }

    /// <summary>Two uses with equal messages want the same.</summary>
    private readonly record struct SecretUse(SdsSecretConfig Config, CertificateValidationContext? Defaults, bool DemandsStaple);

    private sealed class SharedSecret : IDisposable
    {
        private readonly SecretFiles _files;
        private readonly SecretSubscription _subscription;

        public SharedSecret(SecretUse use, object slot, SecretFiles files, Action<Secret> apply)
        {
            (Use, Slot, _files) = (use, slot, files);
            _subscription = new SecretSubscription(apply) { OnKnown = Known };
        }

        public SecretUse Use { get; }

        public object Slot { get; }

        public int Users { get; set; }

        /// <summary>The first version, or its absence, is known.</summary>
        public bool IsKnown { get; private set; }

        public List<Warming.Target> Waiting { get; } = [];

        public void Start(ISubscriptions subscriptions) => _subscription.Start(subscriptions, Use.Config);

        public void Dispose()
        {
            _subscription.Dispose();
            _files.Dispose();
        }

        private void Known()
        {
            IsKnown = true;
            Warming.Target[] waiting = [.. Waiting];
            Waiting.Clear();
            foreach (Warming.Target target in waiting)
            {
                target.Ready();
            }
        }
    }

    private sealed class Lease(SharedSecrets secrets, SharedSecret secret) : IDisposable
    {
        private bool _returned;

        public void Dispose()
        {
            if (!_returned)
            {
                _returned = true;
                secrets.Return(secret);
            }
        }
    }
}
