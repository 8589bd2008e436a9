using Google.Protobuf.WellKnownTypes;
using Istio.Mesh.V1Alpha1;

namespace Pilotfish.Agent.Bootstrap;

/// <summary>The static runtime layer: Istio's defaults and what ProxyConfig.runtimeValues makes of them.</summary>
internal static class RuntimeFlags
{
    private const string Fips140 = "fips-140-2";

    public static Struct Of(ProxyConfig config, AgentEnvironment environment)
    {
        var flags = new Struct();
        flags.Fields["re2.max_program_size.error_level"] = Value.ForString("32768");
        flags.Fields["envoy.deprecated_features:envoy.config.listener.v3.Listener.hidden_envoy_deprecated_use_original_dst"] =
            Value.ForBool(true);
        flags.Fields["envoy.reloadable_features.http_reject_path_with_fragment"] = Value.ForBool(false);
        flags.Fields["envoy.reloadable_features.fixed_heap_use_allocated"] = Value.ForBool(true);
        flags.Fields["envoy.reloadable_features.coalesce_lb_rebuilds_on_batch_update"] = Value.ForBool(false);
        if (environment.Text(AgentVariables.CompliancePolicy) == Fips140)
        {
            flags.Fields["envoy.reloadable_features.google_grpc_disable_tls_13"] = Value.ForBool(true);
        }

        if (!environment.Flag(AgentVariables.StripFragment, true))
        {
            flags.Fields["envoy.reloadable_features.http_strip_fragment_from_path_unsafe_if_disabled"] = Value.ForString("false");
        }

        foreach ((string name, string value) in config.RuntimeValues)
        {
            // An empty value takes a default away: Envoy itself has no way to say that.
            if (value.Length == 0)
            {
                flags.Fields.Remove(name);
            }
            else
            {
                flags.Fields[name] = value is "true" or "false" ? Value.ForBool(value == "true") : Value.ForString(value);
            }
        }

        return flags;
    }
}
