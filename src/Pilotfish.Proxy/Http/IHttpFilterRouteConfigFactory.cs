using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Http;

/// <summary>Compiles a filter's typed_per_filter_config.</summary>
public interface IHttpFilterRouteConfigFactory : IExtensionFactory
{
    /// <summary>Whether what it compiles changes while it serves, so that routes that say the same must not share one.</summary>
    bool KeepsState => false;

    object CompileRouteConfig(ExtensionConfig config, CompileContext context);
}
