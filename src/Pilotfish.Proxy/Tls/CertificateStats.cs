using System.Security.Cryptography;
using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Tls;

/// <summary>
/// What a TLS context tells of its certificates, beside <see cref="TlsStats"/>: when each expires
/// (`ssl.certificate.NAME.expiration_unix_time_seconds`, seconds since 1970, 0 while a secret has not come; of trusted certificates the first), and
/// how often SDS brought one (`ssl_context_update_by_sds`). A secret is called by its name, others by the hash of their inline bytes, as in Envoy.
/// </summary>
internal static class CertificateStats
{
    private const int HashDigits = 8;

    public static string NameOf(DataSource? chain) => "unnamed_cert_" + Hash(chain);

    public static string NameOfTrust(DataSource? roots) => "unnamed_ca_cert_" + Hash(roots);

    /// <summary>From here on; the gauges go with the scope. Any thread.</summary>
    /// <param name="scope">The listener's or the cluster's.</param>
    /// <param name="model">Whose certificates.</param>
    /// <param name="isServer">Which side.</param>
    public static void Show(StatScope scope, TlsContextModel model, bool isServer)
    {
        Counter updates = scope.Counter((isServer ? "server" : "client") + "_ssl_socket_factory.ssl_context_update_by_sds");
        foreach (CertificateSlot slot in model.Certificates)
        {
            slot.Updates?.Add(scope, updates);
            Show(scope, slot.Name, new Expiry<CertificateSlot>(slot, static one => one.Current?.ExpiresUnixSeconds ?? 0).Read);
        }

        if (model.Trust is { } trust)
        {
            trust.Updates?.Add(scope, updates);
            Show(scope, trust.Name, new Expiry<TrustSlot>(trust, ExpiryOf).Read);
        }
    }

    private static void Show(StatScope scope, string name, Func<long> source)
    {
        if (name.Length > 0)
        {
            scope.SetComputedGauge($"ssl.certificate.{name}.expiration_unix_time_seconds", source);
        }
    }

    private static long ExpiryOf(TrustSlot slot) => slot.Current is { Roots: { Count: > 0 } roots }
        ? new DateTimeOffset(roots[0].NotAfter).ToUnixTimeSeconds()
        : 0;

    // A file's name says nothing of what is in it: Envoy hashes no bytes then.
    private static string Hash(DataSource? source)
    {
        byte[] bytes = source?.SpecifierCase == DataSource.SpecifierOneofCase.InlineBytes ? source.InlineBytes.ToByteArray() : [];
        return Convert.ToHexStringLower(SHA256.HashData(bytes))[..HashDigits];
    }

    /// <summary>Does not hold a secret whose context is gone: the last value stays then, as long as the scope.</summary>
    private sealed class Expiry<TSlot>(TSlot slot, Func<TSlot, long> read)
        where TSlot : class
    {
        private readonly WeakReference<TSlot> _slot = new(slot);
        private long _last;

        public long Read()
        {
            if (_slot.TryGetTarget(out TSlot? living))
            {
                Volatile.Write(ref _last, read(living));
            }

            return Volatile.Read(ref _last);
        }
    }
}
