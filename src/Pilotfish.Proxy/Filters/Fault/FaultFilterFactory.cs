using Envoy.Extensions.Filters.Http.Fault.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Filters.Fault;

/// <summary>envoy.filters.http.fault: delays and aborts, as a listener's default or per route (Istio's VirtualService fault).</summary>
public sealed class FaultFilterFactory : IHttpFilterFactory, IHttpFilterRouteConfigFactory
{
    public IReadOnlyList<string> MessageNames { get; } = ["envoy.extensions.filters.http.fault.v3.HTTPFault"];

    public HttpFilterModel Compile(ExtensionConfig config, HttpFilterContext context) =>
        new FaultModel(Policy(config, context.Config), new FaultStats(context.Stats.Scope("fault")));

    public object CompileRouteConfig(ExtensionConfig config, CompileContext context) => Policy(config, context);

    private static FaultPolicy Policy(ExtensionConfig config, CompileContext context)
    {
        HTTPFault fault = config.Parse(HTTPFault.Parser);
        UnheededFields.Check(UnheededFields.OfFault, fault, config.Field, "fault filter", context.Warnings);
        return FaultPolicy.Compile(fault, config.Field, context.Runtime);
    }
}
