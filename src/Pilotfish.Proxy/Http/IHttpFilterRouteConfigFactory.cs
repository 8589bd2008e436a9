using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Http;

/// <summary>Compiles a filter's typed_per_filter_config.</summary>
public interface IHttpFilterRouteConfigFactory : IExtensionFactory
{
    object CompileRouteConfig(ExtensionConfig config, CompileContext context);
}
