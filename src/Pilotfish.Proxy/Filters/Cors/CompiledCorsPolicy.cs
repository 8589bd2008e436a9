using System.Text;
using Envoy.Extensions.Filters.Http.Cors.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.RuntimeLayers;

namespace Pilotfish.Proxy.Filters.Cors;

/// <summary>A compiled CorsPolicy. Immutable.</summary>
public sealed class CompiledCorsPolicy
{
    private readonly StringMatch[] _origins;

    internal CompiledCorsPolicy(CorsPolicy policy, string field, RuntimeValues runtime)
    {
        _origins = new StringMatch[policy.AllowOriginStringMatch.Count];
        for (int i = 0; i < _origins.Length; i++)
        {
            _origins[i] = StringMatch.Compile(policy.AllowOriginStringMatch[i], $"{field}.allow_origin_string_match[{i}]");
        }

        AllowMethods = Encoding.UTF8.GetBytes(policy.AllowMethods);
        AllowHeaders = Encoding.UTF8.GetBytes(policy.AllowHeaders);
        ExposeHeaders = Encoding.UTF8.GetBytes(policy.ExposeHeaders);
        MaxAge = Encoding.UTF8.GetBytes(policy.MaxAge);
        AllowCredentials = policy.AllowCredentials ?? false;
        AllowPrivateNetworkAccess = policy.AllowPrivateNetworkAccess ?? false;
        ForwardNotMatchingPreflights = policy.ForwardNotMatchingPreflights ?? true;
        Enabled = LiveFraction.Of(policy.FilterEnabled, runtime);
        Shadow = policy.ShadowEnabled is null ? LiveFraction.None : LiveFraction.Of(policy.ShadowEnabled, runtime);
    }

    public byte[] AllowMethods { get; }

    public byte[] AllowHeaders { get; }

    public byte[] ExposeHeaders { get; }

    public byte[] MaxAge { get; }

    public bool AllowCredentials { get; }

    public bool AllowPrivateNetworkAccess { get; }

    /// <summary>Whether a preflight whose origin does not match reaches the upstream; otherwise it is answered without CORS headers.</summary>
    public bool ForwardNotMatchingPreflights { get; }

    public LiveFraction Enabled { get; }

    /// <summary>Counts what would have happened, without effect.</summary>
    public LiveFraction Shadow { get; }

    public bool AllowsOrigin(ReadOnlySpan<byte> origin)
    {
        foreach (StringMatch match in _origins)
        {
            if (match.Matches(origin))
            {
                return true;
            }
        }

        return false;
    }
}
