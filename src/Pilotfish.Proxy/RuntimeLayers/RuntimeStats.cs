using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.RuntimeLayers;

/// <summary>`runtime.*` (envoy docs, configuration/operations/runtime). No feature of Envoy that is called deprecated counts here.</summary>
internal sealed class RuntimeStats
{
    public RuntimeStats(StatScope scope)
    {
        AdminOverridesActive = scope.Gauge("admin_overrides_active");
        LoadError = scope.Counter("load_error");
        LoadSuccess = scope.Counter("load_success");
        KeyCount = scope.Gauge("num_keys");
        LayerCount = scope.Gauge("num_layers");
        OverrideExists = scope.Counter("override_dir_exists");
        OverrideMissing = scope.Counter("override_dir_not_exists");
        scope.Counter("deprecated_feature_use");
        scope.Gauge("deprecated_feature_seen_since_process_start");
    }

    public Gauge AdminOverridesActive { get; }

    public Counter LoadError { get; }

    public Counter LoadSuccess { get; }

    public Gauge KeyCount { get; }

    /// <summary>Layers that could be loaded.</summary>
    public Gauge LayerCount { get; }

    /// <summary>Loads with more than one folder of the disk.</summary>
    public Counter OverrideExists { get; }

    public Counter OverrideMissing { get; }
}
