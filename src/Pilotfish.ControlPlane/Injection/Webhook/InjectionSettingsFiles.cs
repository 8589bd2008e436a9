using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Configuration;
using Pilotfish.ControlPlane.Sources.Files;

namespace Pilotfish.ControlPlane.Injection.Webhook;

/// <summary>The settings of a running injector, read from the files that istiod's deployment mounts. They are looked at again
/// when one of them changes; a change that cannot be read keeps the last good settings. Any thread may ask.</summary>
public sealed class InjectionSettingsFiles
{
    private readonly string _folder;
    private readonly string? _meshFile;
    private readonly Func<string, string?> _environment;
    private readonly Action<string> _report;
    private readonly Lock _lock = new();
    private InjectionSettings? _settings;
    private (FileStamp? Config, FileStamp? Values, FileStamp? Mesh) _stamps;

    /// <param name="folder">Holds `config` and `values`; without them Istio's defaults and our own templates apply.</param>
    /// <param name="meshFile">The mesh configuration; may be missing.</param>
    /// <param name="report">Takes sentences about files that cannot be used.</param>
    public InjectionSettingsFiles(
        string folder, string? meshFile, Func<string, string?> environment, Action<string> report)
    {
        _folder = folder;
        _meshFile = meshFile;
        _environment = environment;
        _report = report;
    }

    private string ConfigFile => Path.Combine(_folder, "config");

    private string ValuesFile => Path.Combine(_folder, "values");

    /// <exception cref="InjectionException">The files were never usable.</exception>
    public InjectionSettings Current()
    {
        lock (_lock)
        {
            var stamps = (Stamp(ConfigFile), Stamp(ValuesFile), _meshFile is null ? null : Stamp(_meshFile));
            if (_settings is not null && stamps == _stamps)
            {
                return _settings;
            }

            _stamps = stamps;
            try
            {
                _settings = Load();
            }
            catch (Exception e) when (e is InjectionException or IOException or UnauthorizedAccessException)
            {
                if (_settings is null)
                {
                    throw e as InjectionException ?? new InjectionException(e.Message, e);
                }

                _report($"The injection configuration changed and cannot be used; the last good one stays: {e.Message}");
            }

            return _settings;
        }
    }

    private static FileStamp? Stamp(string file) => FileStamp.TryRead(file, out var stamp) ? stamp : null;

    private InjectionSettings Load()
    {
        var values = InstallationValues.Create(new YamlMapping(), []).Values(Read(ValuesFile), "");
        var mesh = InstallationValues.Create(new YamlMapping(), []).Mesh(values);
        if (_meshFile is not null && Read(_meshFile) is { } config)
        {
            mesh = mesh.With(config);
        }

        return new InjectionSettings
        {
            Config = File.Exists(ConfigFile)
                ? InjectionConfig.Parse(File.ReadAllText(ConfigFile), _environment)
                : InjectionConfig.FromValues(values, _environment),
            Values = values,
            Mesh = mesh,
            Revision = _environment("REVISION") is "default" or null ? "" : _environment("REVISION")!,
            NativeSidecars = _environment("ENABLE_NATIVE_SIDECARS") == "true",
            CompliancePolicy = _environment("COMPLIANCE_POLICY") ?? "",
        };
    }

    private static YamlMapping? Read(string file)
    {
        if (!File.Exists(file))
        {
            return null;
        }

        var parsed = YamlDocuments.Parse(File.ReadAllText(file), file);
        return parsed.IsOk && parsed.Documents is [] or [YamlMapping]
            ? parsed.Documents.OfType<YamlMapping>().FirstOrDefault()
            : throw new InjectionException(parsed.IsOk ? $"{file}: expected one mapping." : parsed.Errors[0].ToString());
    }
}
