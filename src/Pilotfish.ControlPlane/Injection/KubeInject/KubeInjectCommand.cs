using Pilotfish.Api.Failures;

namespace Pilotfish.ControlPlane.Injection.KubeInject;

/// <summary>`kube-inject`: adds the sidecar to the workloads of a manifest and prints the whole.</summary>
public static class KubeInjectCommand
{
    private const int Success = 0;
    private const int Failure = 1;
    private const string StandardStream = "-";

    /// <summary>Runs the command; returns its exit code.</summary>
    /// <param name="environment">Reads a variable of the process' environment.</param>
    public static int Run(
        KubeInjectOptions options, Func<string, string?> environment, TextReader input, TextWriter output, TextWriter errors)
    {
        if (options.InputFile.Length == 0)
        {
            errors.WriteLine("Error: filename not specified (see --filename or -f)");
            return Failure;
        }

        var warnings = new List<string>();
        try
        {
            var injector = new Injector(KubeInjectSettings.Load(options, environment, warnings.Add));
            using var file = options.InputFile == StandardStream ? null : Open(options.InputFile);
            using var result = options.OutputFile.Length == 0 ? null : Create(options.OutputFile);
            new ManifestInjector(injector, warnings.Add).Run(file ?? input, options.InputFile, result?.Writer ?? output);
            result?.Complete();
            return Success;
        }
        catch (InjectionException e)
        {
            errors.WriteLine($"Error: {e.Message}");
            return Failure;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            errors.WriteLine($"Error: the manifest cannot be read or the result cannot be written: {FailureText.Of(e)}.");
            return Failure;
        }
        finally
        {
            foreach (var warning in warnings)
            {
                errors.WriteLine(warning);
            }
        }
    }

    private static StreamReader Open(string path)
    {
        if (Directory.Exists(path))
        {
            throw new InjectionException($"'{path}' is a folder; name a file.");
        }

        try
        {
            return new StreamReader(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InjectionException($"'{path}' cannot be read: {FailureText.Of(e)}.", e);
        }
    }

    private static ResultFile Create(string path)
    {
        if (Directory.Exists(path))
        {
            throw new InjectionException($"'{path}' is a folder; name a file.");
        }

        try
        {
            return new ResultFile(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InjectionException($"'{path}' cannot be written: {FailureText.Of(e)}.", e);
        }
    }
}
