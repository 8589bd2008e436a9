using System.Text;
using Envoy.Extensions.Filters.Http.Cors.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.RuntimeLayers;
using OldPolicy = Envoy.Config.Route.V3.CorsPolicy;

namespace Pilotfish.Proxy.Filters.Cors;

/// <summary>A compiled CorsPolicy, of per-route config or of the older <c>cors</c> fields. What it leaves unset, a less specific one may say. Immutable.</summary>
public sealed class CompiledCorsPolicy
{
    private readonly StringMatch[] _origins;
    private readonly bool? _allowCredentials;
    private readonly bool? _allowPrivateNetworkAccess;
    private readonly bool? _forwardNotMatchingPreflights;

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
        _allowCredentials = policy.AllowCredentials;
        _allowPrivateNetworkAccess = policy.AllowPrivateNetworkAccess;
        _forwardNotMatchingPreflights = policy.ForwardNotMatchingPreflights;
        Enabled = LiveFraction.Of(policy.FilterEnabled, runtime);
        Shadow = policy.ShadowEnabled is null ? LiveFraction.None : LiveFraction.Of(policy.ShadowEnabled, runtime);
    }

    private CompiledCorsPolicy(CompiledCorsPolicy specific, CompiledCorsPolicy general)
    {
        _origins = specific._origins.Length > 0 ? specific._origins : general._origins;
        AllowMethods = Some(specific.AllowMethods, general.AllowMethods);
        AllowHeaders = Some(specific.AllowHeaders, general.AllowHeaders);
        ExposeHeaders = Some(specific.ExposeHeaders, general.ExposeHeaders);
        MaxAge = Some(specific.MaxAge, general.MaxAge);
        _allowCredentials = specific._allowCredentials ?? general._allowCredentials;
        _allowPrivateNetworkAccess = specific._allowPrivateNetworkAccess ?? general._allowPrivateNetworkAccess;
        _forwardNotMatchingPreflights = specific._forwardNotMatchingPreflights ?? general._forwardNotMatchingPreflights;
        Enabled = specific.Enabled;
        Shadow = specific.Shadow;
    }

    /// <summary>A single <c>*</c> stands for what the preflight asks for.</summary>
    public byte[] AllowMethods { get; }

    /// <summary>A single <c>*</c> stands for what the preflight asks for.</summary>
    public byte[] AllowHeaders { get; }

    public byte[] ExposeHeaders { get; }

    public byte[] MaxAge { get; }

    public bool AllowCredentials => _allowCredentials ?? false;

    public bool AllowPrivateNetworkAccess => _allowPrivateNetworkAccess ?? false;

    /// <summary>Whether a preflight whose origin does not match reaches the upstream; otherwise it is answered without CORS headers.</summary>
    public bool ForwardNotMatchingPreflights => _forwardNotMatchingPreflights ?? true;

    public LiveFraction Enabled { get; }

    /// <summary>Counts what would have happened, without effect.</summary>
    public LiveFraction Shadow { get; }

    /// <summary>VirtualHost.cors and RouteAction.cors, which count where no per-route config has a policy. Null for none.</summary>
    internal static CompiledCorsPolicy? Compile(OldPolicy? old, string field, RuntimeValues runtime)
    {
        if (old is null)
        {
            return null;
        }

        var policy = new CorsPolicy
        {
            AllowMethods = old.AllowMethods,
            AllowHeaders = old.AllowHeaders,
            ExposeHeaders = old.ExposeHeaders,
            MaxAge = old.MaxAge,
            AllowCredentials = old.AllowCredentials,
            FilterEnabled = old.FilterEnabled,
            ShadowEnabled = old.ShadowEnabled,
            AllowPrivateNetworkAccess = old.AllowPrivateNetworkAccess,
            ForwardNotMatchingPreflights = old.ForwardNotMatchingPreflights,
        };
        policy.AllowOriginStringMatch.Add(old.AllowOriginStringMatch);
        return new CompiledCorsPolicy(policy, field, runtime);
    }

    /// <summary>This policy, with what it leaves unset as another says; whether it counts at all, this one decides.</summary>
    internal CompiledCorsPolicy Over(CompiledCorsPolicy? general) => general is null ? this : new CompiledCorsPolicy(this, general);

    public bool AllowsOrigin(ReadOnlySpan<byte> origin)
    {
        foreach (StringMatch match in _origins)
        {
            // Whoever matches a literal '*' means every origin.
            if (match.Matches("*"u8) || match.Matches(origin))
            {
                return true;
            }
        }

        return false;
    }

    private static byte[] Some(byte[] specific, byte[] general) => specific.Length > 0 ? specific : general;
}
