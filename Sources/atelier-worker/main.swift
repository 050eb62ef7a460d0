import AtelierCore
import AtelierWorker

#if Llama
  import AtelierLlama

  WorkerProcess.run { (load, progress) throws(AtelierError) in
    // A load that is no longer wanted ends with the process.
    try LlamaBackend.load(load) { fraction in
      progress(fraction)
      return true
    }
  }
#else
  WorkerProcess.refuse("this build has no engine: build it with the Llama trait")
#endif
