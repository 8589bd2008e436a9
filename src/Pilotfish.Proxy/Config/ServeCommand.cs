using System.Runtime.InteropServices;
using Envoy.Config.Bootstrap.V3;
using Pilotfish.Api.Failures;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Proxy.Config;

/// <summary>The role <c>serve</c>: the data plane alone, from a bootstrap.</summary>
public static class ServeCommand
{
    private const int ExitOk = 0;
    private const int ExitBadConfig = 1;

    // signal(7): the number is the same on every architecture that .NET runs on under Linux.
    private const PosixSignal ReopenLogs = (PosixSignal)10;

    private static readonly TimeSpan s_logFlushLimit = TimeSpan.FromSeconds(1);

    /// <summary>Runs until a signal or /quitquitquit ends it, and returns the exit code.</summary>
    public static int Run(
        IReadOnlyList<string> args, IReadOnlyDictionary<string, string> environment, TextWriter stdout, TextWriter stderr)
    {
        if (ServeOptionsParser.Parse(args, out string problem) is not { } options)
        {
            stderr.WriteLine($"{problem} Try 'serve --help'.");
            return ExitBadConfig;
        }

        if (options.ShowsHelp)
        {
            stdout.WriteLine(ServeHelp.Text);
            return ExitOk;
        }

        if (options.ShowsVersion)
        {
            stdout.WriteLine($"pilotfish  version: {ProductVersion.Text}");
            return ExitOk;
        }

        FormatEnvironment.Provide(environment);
        List<string> problems = [];
        List<string> warnings = [];
        Bootstrap? bootstrap = BootstrapLoader.Load(options, problems, warnings);
        foreach (string warning in warnings)
        {
            stderr.WriteLine(warning);
        }

        if (bootstrap is null)
        {
            return Refuse(options, problems, stderr);
        }

        SetLogLevels(options, stderr);
        try
        {
            OpenLog(options);
        }
        catch (IOException e)
        {
            stderr.WriteLine($"Flag '--log-path': the log '{options.LogPath}' cannot be opened: {FailureText.Of(e)}.");
            return ExitBadConfig;
        }

        try
        {
            return Serve(options, bootstrap, stdout);
        }
        catch (BootstrapRejectedException e)
        {
            return Refuse(options, e.Problems, stderr);
        }
        finally
        {
            Log.Flush(s_logFlushLimit);
        }
    }

    private static int Serve(ServeOptions options, Bootstrap bootstrap, TextWriter stdout)
    {
        using EventLoop loop = new(new EventLoopOptions { Name = "main" });
        ProxyApp app;
        using (loop.Bind())
        {
            app = ProxyApp.Build(new ProxyInputs { Options = options, Bootstrap = bootstrap, MainLoop = loop });
            if (options.ValidateOnly)
            {
                app.Dispose();
                stdout.WriteLine($"configuration '{options.ConfigPath}' OK");
                return ExitOk;
            }

            app.OnQuit = loop.PostStop;
            try
            {
                app.Start();
            }
            catch (BootstrapRejectedException)
            {
                app.Dispose();
                throw;
            }
        }

        using ProcessSignals terminate = ProcessSignals.Register(loop, PosixSignal.SIGTERM, Stop);
        using ProcessSignals interrupt = ProcessSignals.Register(loop, PosixSignal.SIGINT, Stop);
        using ProcessSignals hangUp = ProcessSignals.Register(loop, PosixSignal.SIGHUP, static _ => { });
        using ProcessSignals reopen = ProcessSignals.Register(loop, ReopenLogs, _ => app.ReopenLogs());
        loop.Run();
        using (loop.Bind())
        {
            app.Dispose();
        }

        return ExitOk;

        void Stop(PosixSignal signal)
        {
            Log.Warning(LogComponent.Main, $"caught {signal}; exiting");
            loop.PostStop();
        }
    }

    // Validation leaves no traces, as of access logs.
    private static void OpenLog(ServeOptions options)
    {
        if (options.LogPath.Length > 0 && !options.ValidateOnly)
        {
            Log.WriteTo(options.LogPath);
        }
    }

    private static void SetLogLevels(ServeOptions options, TextWriter stderr)
    {
        Log.SetLevel(options.LogLevel);
        foreach ((string component, LogLevel level) in options.ComponentLogLevels)
        {
            if (LogComponent.Find(component) is { } found)
            {
                found.Level = level;
            }
            else
            {
                stderr.WriteLine($"--component-log-level: there is no component '{component}'; it is ignored.");
            }
        }
    }

    private static int Refuse(ServeOptions options, IReadOnlyList<string> problems, TextWriter stderr)
    {
        string what = options.ConfigPath.Length > 0 ? options.ConfigPath : "--config-yaml";
        stderr.WriteLine($"error initializing configuration '{what}':");
        foreach (string problem in BootstrapPlaces.Locate(options, problems))
        {
            stderr.WriteLine(problem);
        }

        return ExitBadConfig;
    }
}
