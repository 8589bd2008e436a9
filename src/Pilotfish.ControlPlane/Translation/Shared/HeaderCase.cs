using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;

namespace Pilotfish.ControlPlane.Translation.Shared;

/// <summary>The formatter that keeps HTTP/1 header names as the peer wrote them.</summary>
internal static class HeaderCase
{
    private const string TypeUrl = Messages.TypePrefix
        + "envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig";

    public static Http1ProtocolOptions.Types.HeaderKeyFormat Preserve() => new()
    {
        StatefulFormatter = new TypedExtensionConfig { Name = "preserve_case", TypedConfig = new Any { TypeUrl = TypeUrl } },
    };
}
