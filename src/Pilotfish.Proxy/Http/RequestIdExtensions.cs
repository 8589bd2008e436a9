using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.RequestId.Uuid.V3;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Http;

/// <summary>request_id_extension: there is one, which makes UUIDs.</summary>
internal static class RequestIdExtensions
{
    private const string Uuid = "envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig";

    /// <summary>Checks an extension and reads whether a digit of ids tells the trace decision, which is so unless it says otherwise.</summary>
    public static bool PacksTraceReason(RequestIDExtension? extension, string field)
    {
        Check(extension, field);
        return extension?.TypedConfig is not { } config
            || (ExtensionRegistry.Unwrap(config, field + ".typed_config").Parse(UuidRequestIdConfig.Parser).PackTraceReason ?? true);
    }

    /// <summary>Rejects every other type by name; null and none are fine.</summary>
    public static void Check(RequestIDExtension? extension, string field)
    {
        if (extension?.TypedConfig is { } config)
        {
            ExtensionConfig typed = ExtensionRegistry.Unwrap(config, field + ".typed_config");
            if (typed.MessageName != Uuid)
            {
                throw new ConfigRejectedException(
                    field + ".typed_config", $"the request id extension '{typed.MessageName}' does not exist in Pilotfish");
            }
        }
    }
}
