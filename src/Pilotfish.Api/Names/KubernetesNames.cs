namespace Pilotfish.Api.Names;

/// <summary>Names of Kubernetes that mesh objects rely on.</summary>
public static class KubernetesNames
{
    public const string DefaultNamespace = "default";
    public const string IstioSystemNamespace = "istio-system";
    public const string DefaultServiceAccount = "default";
    public const string InjectionNamespaceLabel = "istio-injection";
    public const string AppNameLabel = "app.kubernetes.io/name";
    public const string AppVersionLabel = "app.kubernetes.io/version";
    public const string AppLabel = "app";
    public const string VersionLabel = "version";
    public const string RegionLabel = "topology.kubernetes.io/region";
    public const string ZoneLabel = "topology.kubernetes.io/zone";
    public const string PrometheusScrapeAnnotation = "prometheus.io/scrape";
    public const string PrometheusPortAnnotation = "prometheus.io/port";
    public const string PrometheusPathAnnotation = "prometheus.io/path";
    public const string PrometheusSchemeAnnotation = "prometheus.io/scheme";
}
